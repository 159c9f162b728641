"""Roll back one decision, or one row: only its rows, with the guards of every rollback, and then a new plan."""

from collections.abc import Iterable

import pytest

from stagenorm_pipeline.config.configuration import TargetSetting
from stagenorm_pipeline.engine.rollback.rollback import (
    RollbackRequest,
    preview_rollback,
    record_rollback,
    rows_left,
)
from stagenorm_pipeline.engine.verify.result import Outcome, Rule
from stagenorm_pipeline.errors import ConfigurationError, PlanError
from stagenorm_pipeline.vocabulary import Decision, Decisions, Stage, Vocabulary
from stagenorm_pipeline_tests.support.application import COMPANIES, DEALS, Application

_COMPANIES = (TargetSetting(table=COMPANIES),)


def _deciding(stages: Iterable[tuple[str, Stage]]) -> Vocabulary:
    return Vocabulary.with_decisions(
        Decisions(entries=tuple(Decision(spelling=spelling, stage=stage) for spelling, stage in stages))
    )


_BEFORE = _deciding([("Angel", Stage.PRE_SEED), ("Angel ", Stage.PRE_SEED), ("Bridge", Stage.SEED)])
_AFTER = _deciding([("Angel", Stage.SEED), ("Angel ", Stage.SEED), ("Bridge", Stage.SEED)])


def _roll_back(application: Application, request: RollbackRequest) -> int:
    plan = record_rollback(application.database, request, created_by="operator")
    return application.apply(plan_id=plan).rows.rows_updated


def test_rollback_of_a_spelling_makes_way_for_another_decision(application: Application) -> None:
    application.add(COMPANIES, [(1, "Angel"), (1, "Angel "), (1, "Bridge"), (2, "Angel")])
    application.run(vocabulary=_BEFORE)
    application.add(DEALS, [(1, "Angel"), (2, "Seed")])
    application.run(vocabulary=_BEFORE)
    assert not application.plan(vocabulary=_AFTER, as_draft=True).counts.rows_to_change

    assert _roll_back(application, RollbackRequest(spelling="Angel")) == 3
    assert list(application.stages(COMPANIES).values()) == ["Angel", "pre-seed", "seed", "Angel"]
    assert list(application.stages(DEALS).values()) == ["Angel", "seed"]
    # A batch of which other changes are in force is not rolled back. Batches of this spelling alone are.
    statuses = "SELECT status FROM stage_migration_batches WHERE plan_id = ANY (%s) ORDER BY batch_id"
    assert application.column(statuses, [1, 2]) == ["completed", "rolled_back", "rolled_back", "completed"]
    log = application.verify(vocabulary=_BEFORE).check(Rule.AUDIT_CONSISTENCY)
    assert log.outcome is Outcome.PASSED

    application.run(vocabulary=_AFTER)
    assert list(application.stages(COMPANIES).values()) == ["seed", "pre-seed", "seed", "seed"]
    verdict = application.verify(vocabulary=_AFTER)
    assert {check.outcome for check in verdict.checks} == {Outcome.PASSED}


def test_rollback_of_a_spelling_leaves_what_others_wrote_since(application: Application) -> None:
    ids = application.add(DEALS, [(1, "Angel")] * 5)
    application.run(vocabulary=_BEFORE)
    application.sql("UPDATE deal_opportunities SET stage = 'Bridge' WHERE id = %s", ids[1])
    application.sql("UPDATE deal_opportunities SET stage = NULL WHERE id = %s", ids[2])
    application.sql("DELETE FROM deal_opportunities WHERE id = %s", ids[3])
    application.sql("UPDATE deal_opportunities SET stage = 'Growth' WHERE id = %s", ids[4])
    application.run(vocabulary=_BEFORE)
    request = RollbackRequest(spelling="Angel")

    preview = preview_rollback(application.database, request)
    assert preview.counts == {"restorable": 1, "later": 1, "null": 1, "gone": 1, "changed": 1}
    assert {row.row_id: row.state for row in rows_left(application.database, request)} == {
        str(ids[1]): "later",
        str(ids[2]): "null",
        str(ids[3]): "gone",
        str(ids[4]): "changed",
    }
    assert _roll_back(application, request) == 1
    assert application.stages(DEALS) == {ids[0]: "Angel", ids[1]: "seed", ids[2]: None, ids[4]: "Growth"}
    assert preview_rollback(application.database, request).counts["undone"] == 1


def test_rollback_of_a_spelling_refuses_an_altered_log(application: Application) -> None:
    application.add(COMPANIES, [(1, "Angel"), (1, "Bridge")])
    application.run(vocabulary=_BEFORE)
    application.sql("UPDATE stage_normalization_log SET stage_before = 'Angel' WHERE stage_before = 'Bridge'")
    for request in (RollbackRequest(spelling="Angel"), RollbackRequest(row_id="1", targets=_COMPANIES)):
        with pytest.raises(PlanError, match="does not match its receipts"):
            record_rollback(application.database, request, created_by="operator")


def test_spelling_that_no_plan_changed_gets_similar_ones(application: Application) -> None:
    application.add(COMPANIES, [(1, "Angel"), (1, "Angel ")])
    application.run(vocabulary=_BEFORE)
    preview = preview_rollback(application.database, RollbackRequest(spelling="angel"))
    assert (preview.counts, preview.similar) == ({}, ("Angel", "Angel "))
    with pytest.raises(ConfigurationError, match="not valid Unicode"):
        RollbackRequest(spelling="Ang\udc80l")


def test_rollback_of_a_row_restores_it_alone(application: Application) -> None:
    ids = application.add(COMPANIES, [(1, "Angel"), (1, "Angel")])
    application.add(DEALS, [(1, "Angel"), (1, "Angel")])
    application.run(vocabulary=_BEFORE)
    # As somebody may type it; the log has the key as PostgreSQL writes it.
    assert _roll_back(application, RollbackRequest(row_id=f" 00{ids[1]}", targets=_COMPANIES)) == 1
    assert application.stages(COMPANIES) == {ids[0]: "pre-seed", ids[1]: "Angel"}
    assert set(application.stages(DEALS).values()) == {"pre-seed"}
    recorded = application.value("SELECT scope -> 'rollback' ->> 'row_id' FROM stage_migration_plans WHERE plan_id = 2")
    assert recorded == str(ids[1])

    with pytest.raises(ConfigurationError, match=r"'five' is not a key of public\.portfoliocompanies"):
        preview_rollback(application.database, RollbackRequest(row_id="five", targets=_COMPANIES))
    with pytest.raises(ConfigurationError, match="belongs to one table"):
        RollbackRequest(row_id="1")


@pytest.mark.parametrize(
    ("key_type", "key", "typed"),
    [
        ("text", "a:b'; --", "a:b'; --"),
        ("uuid", "7d444840-9dc0-11d1-b245-5ffdce74fad2", "7D4448409DC011D1B2455FFDCE74FAD2"),
    ],
)
def test_row_is_found_by_any_kind_of_key(application: Application, key_type: str, key: str, typed: str) -> None:
    application.sql(f"ALTER TABLE portfoliocompanies ALTER id DROP DEFAULT, ALTER id TYPE {key_type} USING NULL")
    application.sql("INSERT INTO portfoliocompanies (id, fund_id, stage) VALUES (%s, 1, 'Angel')", key)
    application.run(vocabulary=_BEFORE)
    assert _roll_back(application, RollbackRequest(row_id=typed, targets=_COMPANIES)) == 1
    assert [str(row) for row in application.stages(COMPANIES)] == [key]
    assert list(application.stages(COMPANIES).values()) == ["Angel"]
