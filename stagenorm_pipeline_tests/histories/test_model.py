"""The model itself: it objects to what was once seen, and to nothing else. No database."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.verify.result import Outcome, Rule
from stagenorm_pipeline.vocabulary import Vocabulary
from stagenorm_pipeline_tests.histories.facts import (
    DEALS,
    TABLES,
    Batch,
    BrokenLaw,
    Entry,
    Key,
    Member,
    Plan,
    Row,
    Rows,
    Tracking,
    Undo,
)
from stagenorm_pipeline_tests.histories.model import LostBatch, Model, Tampering
from stagenorm_pipeline_tests.histories.verdicts import broken_laws

EVERYTHING = FundScope()
VOCABULARY = Vocabulary.built_in()
FIRST: Key = (DEALS, 1)
SECOND: Key = (DEALS, 2)
PASSED = dict.fromkeys(Rule, Outcome.PASSED)


def rows(*stages: str | None) -> Rows:
    return {(DEALS, number): Row(fund="1", stage=stage) for number, stage in enumerate(stages, 1)}


def entry(number: int, key: Key, before: str, after: str, *, plan: int = 1, action: str = "normalize") -> Entry:
    return Entry(
        id=number,
        key=key,
        fund="1",
        before=before,
        after=after,
        action=action,
        plan=plan,
        batch=plan,
        run_at=datetime(2026, 1, number, tzinfo=UTC),
    )


def plan(number: int, status: str, kind: str = "normalize") -> Plan:
    return Plan(id=number, kind=kind, status=status, scope=EVERYTHING, tables=TABLES)


def batch(plan_id: int, status: str, planned: int) -> Batch:
    updated = planned if status == "completed" else None
    rest = 0 if status == "completed" else None
    return Batch(
        id=plan_id,
        plan=plan_id,
        number=1,
        table=DEALS,
        fund="1",
        status=status,
        planned=planned,
        updated=updated,
        skipped=rest,
        failed=rest,
    )


def tracking(*found: tuple[Plan, Batch]) -> Tracking:
    return Tracking(plans={one.id: one for one, _ in found}, batches={one.id: one for _, one in found})


def run(model: Model, number: int, changes: Mapping[Key, tuple[str, str]], first_entry: int) -> None:
    """Have the model see a plan of one batch recorded and applied."""
    members = tuple(Member(key=key, spelling=before, stage=after) for key, (before, after) in changes.items())
    model.planned(plan(number, "open"), VOCABULARY, {number: members}, 50)
    model.tracking_is(tracking((plan(number, "open"), batch(number, "pending", len(members)))))
    after = dict(model.rows)
    entries = []
    for place, member in enumerate(members):
        after[member.key] = Row(fund="1", stage=member.stage)
        entries.append(entry(first_entry + place, member.key, member.spelling, member.stage, plan=number))
    predicted = model.predict(plan=number, scope=EVERYTHING, vocabulary=VOCABULARY)
    model.stagenorm_wrote(after, entries, predicted=predicted, is_finished=True)
    model.tracking_is(tracking((plan(number, "completed"), batch(number, "completed", len(members)))))


@pytest.fixture
def migrated() -> Model:
    """Two rows, of which stagenorm made canonical ones."""
    model = Model(rows=rows("Seed", "Series A"), is_refused=lambda *_: False)
    run(model, 1, {FIRST: ("Seed", "seed"), SECOND: ("Series A", "series-a")}, 1)
    return model


def broken(model: Model, **outcomes: Outcome) -> list[str]:
    """The laws that a verification with these outcomes breaks; the rules that are not named passed."""
    judged = PASSED | {Rule[name]: outcome for name, outcome in outcomes.items()}
    laws = broken_laws(model, judged, scope=EVERYTHING, strict=False, vocabulary=VOCABULARY)
    return [law.law for law in laws]


def test_finished_migration_passes_all_rules(migrated: Model) -> None:
    assert broken(migrated) == []


def test_warning_without_a_cause_breaks_a_law(migrated: Model) -> None:
    laws = broken(migrated, AUDIT_CONSISTENCY=Outcome.WARNED)
    assert laws == ["a verification reports nothing where nothing happened"]


def test_rollback_past_another_sessions_write_breaks_a_law(migrated: Model) -> None:
    migrated.others_wrote(rows("Series B", "series-a"))
    run(migrated, 2, {FIRST: ("Series B", "series-b")}, 3)
    assert migrated.to_undo(Undo()) == {FIRST: ("series-b", "Series B"), SECOND: ("series-a", "Series A")}
    undo = {3: (Member(key=FIRST, spelling="series-b", stage="Seed"),)}
    with pytest.raises(BrokenLaw, match="a rollback undid another session's write"):
        migrated.rollback_recorded(plan(3, "open", "rollback"), Undo(), undo, 1)


def test_rollback_of_a_row_another_session_changed_breaks_a_law(migrated: Model) -> None:
    migrated.others_wrote(rows("series-b", "series-a"))
    assert FIRST not in migrated.to_undo(Undo())
    undo = {3: (Member(key=FIRST, spelling="series-b", stage="Seed"),)}
    with pytest.raises(BrokenLaw, match="a rollback changed a row that another session had changed"):
        migrated.rollback_recorded(plan(3, "open", "rollback"), Undo(), undo, 1)


def test_rollback_from_an_altered_log_breaks_a_law(migrated: Model) -> None:
    undo = {3: (Member(key=FIRST, spelling="seed", stage="Pre Seed"),)}
    with pytest.raises(BrokenLaw, match="a rollback wrote what the row never held"):
        migrated.rollback_recorded(plan(3, "open", "rollback"), Undo(), undo, 1)


def test_only_untouched_skips_a_row_rewritten_with_the_same_stage(migrated: Model) -> None:
    migrated.others_touched(FIRST)
    assert set(migrated.to_undo(Undo())) == {FIRST, SECOND}
    assert set(migrated.to_undo(Undo(only_untouched=True))) == {SECOND}


def test_change_without_an_audit_row_breaks_a_law(migrated: Model) -> None:
    with pytest.raises(BrokenLaw, match="no row changes without its audit row"):
        migrated.stagenorm_wrote(rows("series-b", "series-a"), [])


def test_batch_applied_twice_breaks_a_law(migrated: Model) -> None:
    migrated.others_wrote(rows("Seed", "series-a"))
    with pytest.raises(BrokenLaw, match="a batch is applied at most once"):
        migrated.stagenorm_wrote(rows("seed", "series-a"), [entry(3, FIRST, "Seed", "seed")])


@pytest.mark.parametrize("what", ["an altered stage_before", "a deleted plan", "a deleted baseline"])
def test_tampering_must_fail_a_verification(migrated: Model, what: str) -> None:
    migrated.tampering.append(Tampering(what=what, scope=EVERYTHING))
    assert broken(migrated) == [f"a verification reports {what}"]
    assert broken(migrated, AUDIT_CONSISTENCY=Outcome.FAILED) == []


def test_damage_after_the_runbooks_delete_must_be_reported(migrated: Model) -> None:
    migrated.lost.append(LostBatch(plan=1, table=DEALS, fund="1"))
    migrated.others_wrote(rows("series-b", "series-a"))
    assert broken(migrated) == ["a verification reports a changed row that changed since, after the runbook's DELETE"]
    assert broken(migrated, AUDIT_CONSISTENCY=Outcome.WARNED) == []


def test_deleted_batch_may_be_reported_until_a_plan_reaches_its_rows(migrated: Model) -> None:
    migrated.lost.append(LostBatch(plan=1, table=DEALS, fund="1"))
    limited = Plan(id=2, kind="rollback", status="completed", scope=EVERYTHING, tables=TABLES, is_limited=True)
    migrated.opened += [limited]
    assert broken(migrated, BATCH_TRACKING=Outcome.FAILED) == []
    migrated.opened += [plan(3, "completed")]
    assert broken(migrated, BATCH_TRACKING=Outcome.FAILED) == [
        "a verification reports nothing where nothing happened",
    ]


def test_damage_after_a_signature_must_be_reported(migrated: Model) -> None:
    migrated.signed(dict(migrated.rows), EVERYTHING, migrated.last_entry)
    assert broken(migrated) == []
    migrated.others_wrote({FIRST: migrated.rows[FIRST]})
    assert broken(migrated) == ["a verification reports fewer rows than were signed"]
    assert broken(migrated, ROW_COUNTS=Outcome.WARNED) == []


def test_loss_of_all_changed_rows_must_fail_a_verification(migrated: Model) -> None:
    migrated.others_wrote({})
    assert broken(migrated, ROW_COUNTS=Outcome.WARNED) == [
        "a verification reports the loss of all changed rows: gone",
        "a verification reports the loss of a whole table",
    ]
    assert broken(migrated, ROW_COUNTS=Outcome.FAILED) == []


def test_change_of_many_unplanned_canonical_rows_must_be_reported() -> None:
    model = Model(rows=rows("Seed", *["series-b"] * 400), is_refused=lambda *_: False)
    run(model, 1, {FIRST: ("Seed", "seed")}, 1)
    model.others_wrote(rows("seed", *["seed"] * 400))
    assert broken(model) == ["a verification reports more canonical rows that changed than the bound"]
    assert broken(model, AUDIT_CONSISTENCY=Outcome.FAILED) == []


def test_plan_cancelled_before_it_changed_a_row_is_no_baseline() -> None:
    model = Model(rows=rows("Seed", *["series-b"] * 400), is_refused=lambda *_: False)
    members = {1: (Member(key=FIRST, spelling="Seed", stage="seed"),)}
    model.planned(plan(1, "open"), VOCABULARY, members, 50)
    model.tracking_is(tracking((plan(1, "open"), batch(1, "pending", 1))))
    model.others_wrote(rows("Seed", *["seed"] * 400))
    assert broken(model, BATCH_TRACKING=Outcome.FAILED, CANONICAL_STAGES=Outcome.FAILED) == [
        "a verification reports more canonical rows that changed than the bound"
    ]
    model.tracking_is(tracking((plan(1, "cancelled"), batch(1, "cancelled", 1))))
    assert broken(model, CANONICAL_STAGES=Outcome.FAILED) == []


def test_deleted_plan_excuses_only_what_no_signature_counted() -> None:
    model = Model(rows=rows("Seed", *["series-b"] * 400), is_refused=lambda *_: False)
    run(model, 1, {FIRST: ("Seed", "seed")}, 1)
    signed = dict(model.rows)
    model.tampering.append(Tampering(what="a deleted plan", scope=EVERYTHING))
    model.others_wrote(rows("seed", *["seed"] * 400))
    assert broken(model, BATCH_TRACKING=Outcome.FAILED) == []
    model.signed(signed, EVERYTHING, model.last_entry)
    assert broken(model, BATCH_TRACKING=Outcome.FAILED) == [
        "a verification reports more canonical rows that changed than the bound"
    ]
