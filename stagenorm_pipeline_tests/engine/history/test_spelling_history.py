"""Explain one spelling, and compare the decisions file with the applied plans."""

from stagenorm_pipeline.config.configuration import DEFAULT_TARGETS
from stagenorm_pipeline.engine.history.compared_decisions import ComparedDecisions, compare_decisions
from stagenorm_pipeline.engine.history.spelling_history import read_spelling_history
from stagenorm_pipeline.engine.rollback.rollback import RollbackRequest, record_rollback
from stagenorm_pipeline.vocabulary import ByDecision, Decision, Decisions, IsUnknown, Stage, Vocabulary
from stagenorm_pipeline_tests.support.application import COMPANIES, DEALS, EVERYTHING, VOCABULARY, Application


def _angel(stage: Stage) -> Decisions:
    return Decisions(entries=(Decision(spelling="Angel", stage=stage),))


_BEFORE, _AFTER = _angel(Stage.PRE_SEED), _angel(Stage.SEED)
_THEN, _NOW = Vocabulary.with_decisions(_BEFORE), Vocabulary.with_decisions(_AFTER)


def _compare(application: Application, vocabulary: Vocabulary) -> ComparedDecisions:
    inventories = application.preview(vocabulary=vocabulary).inventories
    return compare_decisions(application.database, vocabulary, inventories, targets=DEFAULT_TARGETS, scope=EVERYTHING)


def _undo(application: Application, request: RollbackRequest) -> None:
    application.apply(plan_id=record_rollback(application.database, request, created_by="operator"))


def test_changed_decision_is_compared_undone_and_settled(application: Application) -> None:
    ids = application.add(COMPANIES, [(1, "Angel"), (2, "Angel"), (2, "Seed")])
    assert _compare(application, VOCABULARY).since_plan is None
    application.run(vocabulary=_THEN)
    application.sql("UPDATE portfoliocompanies SET stage = 'series-c' WHERE id = %s", ids[1])
    application.add(DEALS, [(1, "Angel")])

    (found,) = _compare(application, _NOW).decisions
    assert (found.change.was, found.change.now, found.change.rows) == ("pre-seed", "seed", 1)
    (earlier,) = found.earlier
    assert (earlier.changed.stage, earlier.changed.rows, earlier.changed.plans) == ("pre-seed", 2, (1,))
    assert earlier.undo is not None
    assert earlier.undo.counts == {"restorable": 1, "changed": 1}
    (removed,) = _compare(application, VOCABULARY).decisions
    assert (removed.change.now, removed.is_to_undo) == ("unknown", True)

    _undo(application, RollbackRequest(spelling="Angel", stage="pre-seed"))
    application.run(vocabulary=_NOW)
    assert list(application.stages(COMPANIES).values()) == ["seed", "series-c", "seed"]
    assert application.stages(DEALS) == {1: "seed"}
    # One row of plan 1 was changed by another session. It cannot be undone, so nothing is left to do.
    assert _compare(application, _NOW).decisions == ()
    assert application.value("SELECT scope #>> '{rollback,stage}' FROM stage_migration_plans WHERE plan_id = 2") == (
        "pre-seed"
    )


def test_spelling_history_sums_up_plans_and_rollbacks(application: Application) -> None:
    application.add(COMPANIES, [(1, "Angel"), (2, "Angel"), (None, "Angel ")])
    application.run(vocabulary=_THEN)
    _undo(application, RollbackRequest(spelling="Angel"))
    application.run(vocabulary=_NOW)
    application.add(DEALS, [(1, "Angel"), (None, "Angel")])

    history = read_spelling_history(application.database, DEFAULT_TARGETS, "Angel", decisions=_AFTER)
    assert [(change.plan_id, change.is_rollback, change.stage, change.rows) for change in history.changes] == [
        (1, False, "pre-seed", 2),
        (2, True, "pre-seed", 2),
        (3, False, "seed", 2),
    ]
    decision = _AFTER.entries[0]
    assert [change.reason for change in history.changes] == [
        ByDecision(choice="pre-seed", decision=None, instead=decision),
        None,
        ByDecision(choice="seed", decision=decision),
    ]
    assert [(found.rows, found.funds) for found in history.now] == [(0, 0), (2, 2)]
    assert history.undo.counts == {"restorable": 2}

    other = read_spelling_history(application.database, DEFAULT_TARGETS, "angel", decisions=_AFTER)
    assert (other.reason, other.changes, other.undo.similar) == (IsUnknown(), (), ("Angel",))
