"""Two checks of `batch_plan` that say what the partitions cannot: does work wait, and is all work paused.

A fund that was materialized once stays green when a newer plan holds it, or when Terminate stopped it half-way. So the
checks are evaluated whenever that may have changed: with a plan, after a run, at the switch, from the command line.
Neither fails a run. They are not checks of `normalized_stages`, because Dagster leaves out the step of a check whose
asset has no output, and that one reports each fund by itself. Does not belong here: turning the switch (see `pausing`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import dagster as dg

from stagenorm_pipeline.defs.assets.asset_names import BATCH_PLAN
from stagenorm_pipeline.defs.failures import errors_as_failures
from stagenorm_pipeline.defs.resources import ApplicationDatabase
from stagenorm_pipeline.engine.apply.pause import Control, read_control
from stagenorm_pipeline.engine.monitor.waiting_funds import WaitingFund, read_waiting_funds
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.migrations import require_migrations
from stagenorm_pipeline.report.escape import for_markdown, sentence_for_terminal

NOTHING_WAITS = "nothing_waits"
NOT_PAUSED = "not_paused"
_FUNDS_NAMED = 5
_FUNDS_LISTED = 100
# After each plan the run's page says "nothing_waits failed", in red, and of this check shows the metadata alone.
_WAITING_IS_NO_ERROR = "That funds wait is no error: materialize normalized_stages for them."


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkState:
    """What open plans still have to do, and the pause switch, at one moment."""

    waiting: tuple[WaitingFund, ...]
    control: Control

    def verdicts(self) -> dict[str, dict[str, Any]]:
        """By the check's name, what both an evaluation in a run and one outside of any run are made from."""
        return {
            NOTHING_WAITS: {
                "passed": not self.waiting,
                "severity": dg.AssetCheckSeverity.WARN,
                "description": self._what_waits(),
                "metadata": {
                    "funds_waiting": len(self.waiting),
                    "batches_waiting": sum(fund.batches for fund in self.waiting),
                    "batches_failed": sum(fund.batches_failed for fund in self.waiting),
                    "rows_waiting": sum(fund.rows for fund in self.waiting),
                    "funds": dg.MetadataValue.md(self._table()),
                    **({"what next": _WAITING_IS_NO_ERROR} if self.waiting else {}),
                },
            },
            NOT_PAUSED: {
                "passed": not self.control.paused,
                "severity": dg.AssetCheckSeverity.WARN,
                "description": self._pause(),
            },
        }

    def _what_waits(self) -> str:
        if not self.waiting:
            return "No fund has batches of an open plan left."
        names = ", ".join(fund.key for fund in self.waiting[:_FUNDS_NAMED])
        more = f" and {len(self.waiting) - _FUNDS_NAMED:,} more" if len(self.waiting) > _FUNDS_NAMED else ""
        rows = sum(fund.rows for fund in self.waiting)
        failed = sum(fund.batches_failed for fund in self.waiting)
        tried = f", {failed:,} batch(es) after a failure" if failed else ""
        return f"{len(self.waiting):,} fund(s) with {rows:,} rows wait{tried}: {names}{more}. Materialize them."

    def _pause(self) -> str:
        if not self.control.paused:
            return "Runners may start batches. The job pause_job lets none start another one."
        reason, who = self.control.reason or "no reason given", self.control.changed_by or "somebody"
        since = self.control.changed_at.astimezone().strftime("%Y-%m-%d %H:%M %Z")
        return sentence_for_terminal(f"Paused since {since} by {who}: {reason}. The job unpause_job lets all go on.")

    def _table(self) -> str:
        lines = ["| Fund | Rows | Batches | Failed before |", "| --- | ---: | ---: | ---: |"]
        lines += [
            f"| {for_markdown(fund.key)} | {fund.rows:,} | {fund.batches:,} | {fund.batches_failed:,} |"
            for fund in self.waiting[:_FUNDS_LISTED]
        ]
        left_out = len(self.waiting) - _FUNDS_LISTED
        return "\n".join(lines) + (f"\n\n… and {left_out:,} more" if left_out > 0 else "")


def read_work_state(database: Database) -> WorkState:
    """In one snapshot. Raises MissingMigrationError where our tables are not there."""
    with database.snapshot() as connection:
        require_migrations(connection)
        return WorkState(waiting=read_waiting_funds(connection), control=read_control(connection))


def report_work_state(instance: dg.DagsterInstance, database: Database) -> None:
    """Evaluate both checks outside of any run: after whatever may have changed them."""
    for name, verdict in read_work_state(database).verdicts().items():
        instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(asset_key=dg.AssetKey(BATCH_PLAN), check_name=name, **verdict)
        )


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec(
            NOTHING_WAITS,
            asset=BATCH_PLAN,
            description="No fund has batches of an open plan left. A partition of normalized_stages shows its last "
            "materialization, and is green even when a newer plan holds the fund or Terminate stopped it half-way: "
            "this says which funds wait.",
        ),
        dg.AssetCheckSpec(
            NOT_PAUSED,
            asset=BATCH_PLAN,
            description="Nobody has paused all work. While it is paused, runs wait before their next batch, whoever "
            "started them; the jobs pause_job and unpause_job turn the switch, as does the command line.",
        ),
    ],
    can_subset=True,
)
def work_state_checks(
    context: dg.AssetCheckExecutionContext, database: ApplicationDatabase
) -> Iterator[dg.AssetCheckResult]:
    """Both read our own tables alone, and are done at once."""
    with errors_as_failures():
        verdicts = read_work_state(database.open()).verdicts()
    for key in sorted(context.selected_asset_check_keys, key=lambda key: key.name):
        yield dg.AssetCheckResult(asset_key=key.asset_key, check_name=key.name, **verdicts[key.name])
