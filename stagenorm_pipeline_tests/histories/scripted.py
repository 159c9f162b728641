"""Histories written by hand: together they use every deed and reach every status and verdict."""

from collections.abc import Callable

from stagenorm_pipeline.engine.postgres.failpoints import Failpoint
from stagenorm_pipeline_tests.histories.actors import EVERYTHING, VOCABULARIES
from stagenorm_pipeline_tests.histories.facts import COMPANIES, DEALS, TABLES
from stagenorm_pipeline_tests.histories.machine import Histories

# The ids are 1 to 7. The trigger can refuse 3 and 6.
ROWS = [
    (COMPANIES, 1, "Seed"),
    (DEALS, 1, "Series A"),
    (COMPANIES, 1, "SEED"),
    (DEALS, 2, "seed"),
    (COMPANIES, None, " seed"),
    (DEALS, 1, "SERIES_B"),
    (DEALS, None, "series-b"),
]


def drafts_and_crashes(history: Histories) -> None:
    """A draft is opened, its runners are killed, rows are refused and taken later."""
    history.begin(rows=ROWS, beginning="messy", is_crowded=False)
    history.plan(scope=EVERYTHING, tables=TABLES, size=2, as_draft=True)
    history.cancel(which=0)
    history.plan(scope=EVERYTHING, tables=TABLES, size=2, as_draft=True)
    history.open_draft(which=0)
    history.refuse_rows(is_on=True)
    history.kill_runner(step=Failpoint.APPLY_CLAIMED, place=1)
    history.apply_some(batches=1)
    history.kill_runner(step=Failpoint.APPLY_BEFORE_COMMIT, place=1)
    history.resume(scope=EVERYTHING, paced=True)
    history.verify(scope=EVERYTHING, strict=False)
    history.refuse_rows(is_on=False)
    history.kill_runner(step=Failpoint.APPLY_CLAIMED, place=1)
    history.resume(scope=EVERYTHING, paced=False)
    history.verify_and_sign()
    history.plan(scope=EVERYTHING, tables=TABLES, size=2, as_draft=True)
    history.open_draft(which=0)
    history.enforce_stages(table=DEALS)
    history.update(which=0, stage="SEED")
    history.unenforce(table=DEALS)
    history.update(which=0, stage="SEED")


def undone_half_way(history: Histories) -> None:
    """A plan is undone while batches of it wait and failed, and others changed what it wrote."""
    history.begin(rows=ROWS, beginning="planned", is_crowded=False)
    history.refuse_rows(is_on=True)
    history.apply_some(batches=1)
    history.overwrite_changed_rows(stage="series-b")
    history.roll_back(way="all of it", which=0, scope=EVERYTHING, is_applied=True, only_untouched=False)
    history.plan(scope=EVERYTHING, tables=TABLES, size=50, as_draft=False)
    history.kill_runner(step=Failpoint.APPLY_CLAIMED, place=1)
    history.cancel(which=0)
    history.run(scope=EVERYTHING, tables=TABLES, size=50)
    history.runbook_delete()
    history.refuse_rows(is_on=False)
    history.run(scope=EVERYTHING, tables=TABLES, size=1)
    history.kill_rollback(step=Failpoint.ROLLBACK_STARTED, way="all of it", which=0)
    history.lose_sessions(step=Failpoint.APPLY_BEFORE_COMMIT, place=1)
    history.roll_back(way="table", which=0, scope=EVERYTHING, is_applied=False, only_untouched=True)
    history.lose_sessions(step=Failpoint.APPLY_BEFORE_COMMIT, place=1)
    history.roll_back(way="all of it", which=0, scope=EVERYTHING, is_applied=True, only_untouched=False)


def failed_and_overwritten(history: Histories) -> None:
    """What a batch with refused rows wrote is overwritten; then it is rolled back, then cancelled."""
    history.begin(rows=ROWS, beginning="refused", is_crowded=False)
    history.kill_runner(step=Failpoint.APPLY_CLAIMED, place=1)
    history.resume(scope=EVERYTHING, paced=False)
    history.overwrite_changed_rows(stage="series-b")
    history.roll_back(way="all of it", which=0, scope=EVERYTHING, is_applied=True, only_untouched=False)
    history.run(scope=EVERYTHING, tables=TABLES, size=50)
    history.cancel(which=0)
    history.plan(scope=EVERYTHING, tables=TABLES, size=50, as_draft=False)
    history.cancel(which=0)


def failed_and_undone(history: Histories) -> None:
    """A batch with refused rows is rolled back: it is cancelled first."""
    history.begin(rows=ROWS, beginning="refused", is_crowded=False)
    history.roll_back(way="plan", which=0, scope=EVERYTHING, is_applied=True, only_untouched=False)


def rewritten_without_a_change(history: Histories) -> None:
    """Others write to changed rows what those hold already; a rollback of untouched rows then leaves them."""
    history.begin(rows=ROWS, beginning="migrated", is_crowded=False)
    history.move(which=1, fund=1)
    history.update(which=3, stage="seed")
    history.roll_back(way="all of it", which=0, scope=EVERYTHING, is_applied=True, only_untouched=True)


def the_runbooks_delete(history: Histories) -> None:
    """The only batch had a refused row and is deleted as the runbook says; then what it wrote is damaged."""
    rows = [(COMPANIES, 1, "seed"), (COMPANIES, 1, "Seed"), (COMPANIES, 1, "SEED")]
    history.begin(rows=rows, beginning="refused", is_crowded=False)
    history.runbook_delete()
    history.refuse_rows(is_on=False)
    history.update(which=1, stage="series-b")
    history.run(scope=EVERYTHING, tables=TABLES, size=50)
    history.verify(scope=EVERYTHING, strict=True)


def users_at_work(history: Histories) -> None:
    """Other sessions write all kinds of things around a migration."""
    history.begin(rows=ROWS, beginning="migrated", is_crowded=True)
    history.delete(which=0)
    history.verify(scope=EVERYTHING, strict=False)
    history.sign(which=0)
    history.touch(which=2)
    history.insert(table=DEALS, fund=1, stage="growth")
    history.move(which=4, fund=2)
    history.reuse_key(which=3, fund=1, stage="Series A")
    history.decide(choice=VOCABULARIES[1])
    history.pause(paused=True)
    history.run(scope=EVERYTHING, tables=TABLES, size=2)
    history.pause(paused=False)
    history.act_between_batches(step=Failpoint.APPLY_CLAIMED, place=1, which=0, act="update")
    history.set_back(which=0)
    history.plan(scope=EVERYTHING, tables=TABLES, size=1, as_draft=False)
    history.run_two(place=1)
    history.kill_planner(step=Failpoint.PLAN_RECORDED, place=1, size=2)
    history.runbook_rollback(table=DEALS)
    history.overwrite_crowd(stage="seed")
    history.truncate(table=DEALS, both=False)


def _tampering(deed: Callable[[Histories], None]) -> Callable[[Histories], None]:
    def history(history: Histories) -> None:
        history.begin(rows=ROWS, beginning="migrated", is_crowded=False)
        deed(history)

    return history


SCRIPTS: tuple[Callable[[Histories], None], ...] = (
    drafts_and_crashes,
    undone_half_way,
    failed_and_overwritten,
    failed_and_undone,
    rewritten_without_a_change,
    the_runbooks_delete,
    users_at_work,
    _tampering(lambda history: history.alter_stage_before(which=0)),
    _tampering(lambda history: history.alter_stage_after_with_row(which=0)),
    _tampering(lambda history: history.delete_entry(which=0)),
    _tampering(lambda history: history.edit_batch_status(which=0, status="rolled_back")),
    _tampering(lambda history: history.edit_plan_status(which=0, status="cancelled")),
    _tampering(lambda history: history.delete_completed_batch(which=0)),
    _tampering(lambda history: history.delete_plan(which=0)),
    _tampering(lambda history: history.delete_baseline(which=0)),
    _tampering(lambda history: history.delete_receipt(which=0)),
    _tampering(lambda history: history.alter_receipt(which=0)),
)
