"""A plan is applied only with its own vocabulary; the effect of new decisions is shown before."""

import pytest

from stagenorm_pipeline.engine.apply.runner import ApplyRequest, apply_batches
from stagenorm_pipeline.engine.plan.life_cycle import open_plan
from stagenorm_pipeline.engine.plan.vocabulary_check import (
    DecisionChange,
    DecisionChanges,
    EarlierChange,
    OtherVocabularyError,
    read_decision_changes,
)
from stagenorm_pipeline.engine.rollback.rollback import RollbackRequest, record_rollback
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.errors import PlanError
from stagenorm_pipeline.vocabulary import Decision, Decisions, Stage, Vocabulary
from stagenorm_pipeline_tests.support.application import COMPANIES, VOCABULARY, Application


def deciding(**stages: Stage | None) -> Vocabulary:
    """Make a vocabulary with these decisions; None: kept as it is."""
    return Vocabulary.with_decisions(
        Decisions(
            entries=tuple(
                Decision(
                    spelling=spelling,
                    stage=stage,
                    is_kept=stage is None,
                    reason="no round" if stage is None else "",
                )
                for spelling, stage in stages.items()
            )
        )
    )


BEFORE = deciding(growth=Stage("series-c"), Bridge=Stage("seed"))
AFTER = deciding(growth=Stage("series-c+"), Debt=None)


def apply(application: Application, vocabulary: Vocabulary, plan_id: int | None = None, fund: str | None = None) -> int:
    """Apply, and return the number of updated rows."""
    scope = FundScope() if fund is None else FundScope.one(fund)
    request = ApplyRequest(
        worker="worker", run_by="me", plan_id=plan_id, scope=scope, sleep_ms=0, vocabulary=vocabulary
    )
    return apply_batches(application.database, request).rows.rows_updated


def changes(application: Application, vocabulary: Vocabulary) -> DecisionChanges:
    plan = application.preview(vocabulary=vocabulary)
    with application.database.snapshot() as connection:
        return read_decision_changes(connection, vocabulary, plan.inventories)


@pytest.fixture
def rows(application: Application) -> Application:
    application.add(COMPANIES, [(1, "growth"), (1, "growth"), (2, "Seed"), (2, "Bridge"), (3, "Debt")])
    return application


def test_plan_with_another_vocabulary_is_refused_with_the_changes(rows: Application) -> None:
    plan = rows.plan(vocabulary=BEFORE)
    before = rows.contents()
    with pytest.raises(OtherVocabularyError, match="Plan 1 is not applied: the vocabulary has changed") as caught:
        apply(rows, AFTER, plan.plan_id)
    assert isinstance(caught.value, PlanError)
    assert BEFORE.version in caught.value.message
    assert AFTER.version in caught.value.message
    remedy = caught.value.remedy or ""
    assert "`stagenorm run`" in remedy
    assert remedy.splitlines()[1:] == [
        "What changed since:",
        '"Bridge": seed -> unknown',
        '"Debt": unknown -> leave-as-is',
        '"growth": series-c -> series-c+',
    ]
    assert rows.contents() == before


def test_plan_with_the_same_vocabulary_is_applied(rows: Application) -> None:
    plan = rows.plan(vocabulary=BEFORE)
    same = deciding(Bridge=Stage("seed"), growth=Stage("series-c"))
    assert apply(rows, same, plan.plan_id) == 4


def test_comment_name_or_reason_does_not_change_the_vocabulary(rows: Application) -> None:
    rows.plan(vocabulary=BEFORE)
    entries = (
        Decision(spelling="Bridge", stage=Stage("seed"), reason="asked", decided_by="Ana"),
        Decision(spelling="growth", stage=Stage("series-c")),
    )
    assert apply(rows, Vocabulary.with_decisions(Decisions(entries=(*entries, Decision(spelling="undecided"))))) == 4


def test_many_vocabulary_changes_are_counted_not_listed(rows: Application) -> None:
    rows.plan(vocabulary=BEFORE)
    many = deciding(**{f"s{number}": Stage("seed") for number in range(20)})
    with pytest.raises(OtherVocabularyError) as caught:
        apply(rows, many)
    assert (caught.value.remedy or "").splitlines()[-1] == "... and 17 more"


def test_resume_with_another_vocabulary_is_refused(rows: Application) -> None:
    """A new plan takes over the waiting rows."""
    rows.plan(vocabulary=BEFORE)
    assert apply(rows, BEFORE, fund="1") == 2
    with pytest.raises(OtherVocabularyError, match="Plan 1") as caught:
        apply(rows, AFTER)
    assert "2 rows that it has changed stay changed; `stagenorm rollback --plan 1` restores them" in str(caught.value)
    rows.plan(vocabulary=AFTER)
    assert apply(rows, AFTER) == 1
    assert rows.column("SELECT status FROM stage_migration_plans ORDER BY plan_id") == ["completed", "completed"]
    assert list(rows.stages(COMPANIES).values()) == ["series-c", "series-c", "seed", "Bridge", "Debt"]


def test_restored_decisions_let_the_plan_continue(rows: Application) -> None:
    rows.plan(vocabulary=BEFORE)
    apply(rows, BEFORE, fund="1")
    with pytest.raises(OtherVocabularyError):
        apply(rows, AFTER)
    assert apply(rows, BEFORE) == 2


def test_refused_draft_cancels_nothing_of_the_open_plan(rows: Application) -> None:
    rows.plan(vocabulary=AFTER)
    draft = rows.plan(vocabulary=BEFORE, as_draft=True)
    assert draft.plan_id is not None
    with pytest.raises(OtherVocabularyError):
        open_plan(rows.database, draft.plan_id, AFTER)
    assert rows.column("SELECT status FROM stage_migration_plans ORDER BY plan_id") == ["open", "draft"]
    assert apply(rows, AFTER) == 3


def test_fund_without_waiting_batches_needs_no_vocabulary(rows: Application) -> None:
    rows.plan(vocabulary=BEFORE)
    assert apply(rows, AFTER, fund="3") == 0


def test_rollback_needs_no_vocabulary(rows: Application) -> None:
    plan = rows.run(vocabulary=BEFORE)
    rollback = record_rollback(rows.database, RollbackRequest(plan_id=plan.plan_id), created_by="me")
    assert apply(rows, AFTER, rollback) == 4
    assert list(rows.stages(COMPANIES).values()) == ["growth", "growth", "Seed", "Bridge", "Debt"]


def test_vocabulary_is_stored_once_for_all_plans(rows: Application) -> None:
    for _ in range(3):
        rows.plan(vocabulary=BEFORE)
    rows.plan(vocabulary=AFTER)
    kept = dict(rows.sql("SELECT vocabulary_version, content FROM stage_migration_vocabularies"))
    assert kept == {vocabulary.version: vocabulary.content for vocabulary in (BEFORE, AFTER)}


def test_plan_without_a_stored_vocabulary_is_refused_too(rows: Application) -> None:
    rows.plan(vocabulary=BEFORE)
    rows.sql("DELETE FROM stage_migration_vocabularies")
    with pytest.raises(OtherVocabularyError, match="What changed is not known"):
        apply(rows, AFTER)


def test_decision_changes_are_shown_before_any_plan(rows: Application) -> None:
    assert changes(rows, VOCABULARY) == DecisionChanges(since_plan=None, changes=())
    assert changes(rows, BEFORE) == DecisionChanges(
        since_plan=None,
        changes=(
            DecisionChange(spelling="growth", was="unknown", now="series-c", rows=2),
            DecisionChange(spelling="Bridge", was="unknown", now="seed", rows=1),
        ),
    )


def test_decision_changes_are_shown_without_tracking_tables(bare: Application) -> None:
    bare.sql("CREATE TABLE portfoliocompanies (id serial PRIMARY KEY, fund_id integer, stage text)")
    bare.sql("CREATE TABLE deal_opportunities (id serial PRIMARY KEY, fund_id integer, stage text)")
    assert changes(bare, BEFORE).since_plan is None


def test_decision_changes_since_the_last_plan_are_shown(rows: Application) -> None:
    """They include rows that an earlier plan changed differently."""
    rows.run(vocabulary=BEFORE)
    rows.add(COMPANIES, [(1, "growth")])
    contradicted = (EarlierChange(stage="series-c", rows=2, plans=(1,)),)
    assert changes(rows, BEFORE) == DecisionChanges(since_plan=1, changes=())
    assert changes(rows, AFTER) == DecisionChanges(
        since_plan=1,
        changes=(
            DecisionChange(spelling="growth", was="series-c", now="series-c+", rows=1, earlier=contradicted),
            DecisionChange(spelling="Debt", was="unknown", now="leave-as-is", rows=1),
            DecisionChange(
                spelling="Bridge",
                was="seed",
                now="unknown",
                rows=0,
                earlier=(EarlierChange(stage="seed", rows=1, plans=(1,)),),
            ),
        ),
    )
    # The next plan knows them; what contradicts them stays to be seen until it is taken back.
    rows.run(vocabulary=AFTER)
    assert [c.spelling for c in changes(rows, AFTER).changes] == ["growth", "Bridge"]
    part = record_rollback(rows.database, RollbackRequest(plan_id=1, scope=FundScope.one("1")), created_by="me")
    apply(rows, AFTER, part)
    assert [(c.spelling, c.rows) for c in changes(rows, AFTER).changes] == [("Bridge", 0)]
    apply(rows, AFTER, record_rollback(rows.database, RollbackRequest(plan_id=1), created_by="me"))
    assert changes(rows, AFTER).changes == ()


def test_a_plan_that_changed_nothing_settles_its_decisions(rows: Application) -> None:
    """A spelling that is kept changes no row. It must not be listed as new for ever."""
    rows.run(vocabulary=VOCABULARY)
    kept = deciding(Debt=None)
    assert [change.spelling for change in changes(rows, kept).changes] == ["Debt"]
    assert rows.run(vocabulary=kept).total_batches == 0
    assert changes(rows, kept) == DecisionChanges(since_plan=2, changes=())


def test_decision_changes_ignore_drafts(rows: Application) -> None:
    rows.plan(vocabulary=AFTER, as_draft=True)
    assert changes(rows, AFTER).since_plan is None
