"""Two checks of `batch_plan`: `nothing_waits` (no open plan has batches left) and `not_paused`.

Partitions cannot show either: a fund stays green when a newer plan has batches for it, or when Terminate stopped it
early. The checks are evaluated with each plan, after each run, when the pause switch changes, and by the command line.
They never fail a run. They belong to `batch_plan` because `normalized_stages` has optional outputs, and Dagster skips
the checks of an asset without output.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import dagster as dg

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.defs.assets.asset_names import BATCH_PLAN
from stagenorm_pipeline.defs.failures import errors_as_failures
from stagenorm_pipeline.defs.resources import StagenormService
from stagenorm_pipeline.engine.apply.pause import Control
from stagenorm_pipeline.engine.monitor.waiting_funds import WaitingFund
from stagenorm_pipeline.report.escape import for_markdown, sentence_for_terminal
from stagenorm_pipeline.service.context import ServiceContext
from stagenorm_pipeline.service.monitoring import read_waiting_work

NOTHING_WAITS = "nothing_waits"
NOT_PAUSED = "not_paused"
_FUNDS_NAMED = 5
_FUNDS_LISTED = 100
# The page of a plan's run says "nothing_waits failed" in red, and shows the check's metadata, not its description.
_WAITING_IS_NORMAL = "Waiting funds are not an error. Materialize normalized_stages for them."


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanChecks:
    """Both checks, from the waiting funds of the open plans and the pause switch at one moment."""

    waiting: tuple[WaitingFund, ...]
    control: Control

    @classmethod
    def read(cls, service: ServiceContext) -> Self:
        """Read both in one snapshot. Raises MissingMigrationError."""
        work = read_waiting_work(service)
        return cls(waiting=work.funds, control=work.control)

    def results(self) -> tuple[dg.AssetCheckResult, dg.AssetCheckResult]:
        """Return the results of `nothing_waits` and `not_paused`."""
        return (
            dg.AssetCheckResult(
                asset_key=BATCH_PLAN,
                check_name=NOTHING_WAITS,
                passed=not self.waiting,
                severity=dg.AssetCheckSeverity.WARN,
                description=self._describe_waiting_funds(),
                metadata={
                    "funds_waiting": len(self.waiting),
                    "batches_waiting": sum(fund.batches for fund in self.waiting),
                    "batches_failed": sum(fund.batches_failed for fund in self.waiting),
                    "rows_waiting": sum(fund.rows for fund in self.waiting),
                    "funds": dg.MetadataValue.md(self._waiting_funds_table()),
                    **({"what next": _WAITING_IS_NORMAL} if self.waiting else {}),
                },
            ),
            dg.AssetCheckResult(
                asset_key=BATCH_PLAN,
                check_name=NOT_PAUSED,
                passed=not self.control.paused,
                severity=dg.AssetCheckSeverity.WARN,
                description=self._describe_pause(),
            ),
        )

    def _describe_waiting_funds(self) -> str:
        if not self.waiting:
            return "No open plan has batches left."
        names = ", ".join(fund.key for fund in self.waiting[:_FUNDS_NAMED])
        more = f" and {len(self.waiting) - _FUNDS_NAMED:,} more" if len(self.waiting) > _FUNDS_NAMED else ""
        rows = sum(fund.rows for fund in self.waiting)
        failed = sum(fund.batches_failed for fund in self.waiting)
        after_failure = f" ({counted(failed, 'batch')} failed before)" if failed else ""
        return (
            f"Waiting: {counted(len(self.waiting), 'fund')} with {counted(rows, 'row')}{after_failure}: "
            f"{names}{more}. Materialize them."
        )

    def _describe_pause(self) -> str:
        if not self.control.paused:
            return "Not paused. To pause all runners, run the job pause_job."
        reason, changed_by = self.control.reason or "no reason given", self.control.changed_by or "an unknown user"
        since = self.control.changed_at.astimezone().strftime("%Y-%m-%d %H:%M %Z")
        return sentence_for_terminal(f"Paused since {since} by {changed_by}: {reason}. To continue, run unpause_job.")

    def _waiting_funds_table(self) -> str:
        lines = ["| Fund | Rows | Batches | Failed before |", "| --- | ---: | ---: | ---: |"]
        lines += [
            f"| {for_markdown(fund.key)} | {fund.rows:,} | {fund.batches:,} | {fund.batches_failed:,} |"
            for fund in self.waiting[:_FUNDS_LISTED]
        ]
        left_out = len(self.waiting) - _FUNDS_LISTED
        return "\n".join(lines) + (f"\n\n… and {left_out:,} more" if left_out > 0 else "")


def report_plan_checks(instance: dg.DagsterInstance, service: ServiceContext) -> None:
    """Evaluate both checks outside any run. Call it after anything that may have changed a result."""
    for result in PlanChecks.read(service).results():
        instance.report_runless_asset_event(runless_evaluation(result))


def runless_evaluation(result: dg.AssetCheckResult) -> dg.AssetCheckEvaluation:
    """Convert a check's result to the event that Dagster accepts outside a run."""
    if result.asset_key is None or result.check_name is None:
        raise ValueError("The result must name its asset and its check.")
    return dg.AssetCheckEvaluation(
        asset_key=result.asset_key,
        check_name=result.check_name,
        passed=result.passed,
        severity=result.severity,
        description=result.description,
        metadata=result.metadata,
    )


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec(
            NOTHING_WAITS,
            asset=BATCH_PLAN,
            description="No open plan has batches left. A partition of normalized_stages shows its last "
            "materialization: it stays green when a newer plan has batches for the fund, or when Terminate stopped the "
            "run early. This check lists the funds that wait.",
        ),
        dg.AssetCheckSpec(
            NOT_PAUSED,
            asset=BATCH_PLAN,
            description="The pause switch is off. While it is on, every runner waits before its next batch. The jobs "
            "pause_job and unpause_job set the switch, and so do `stagenorm pause` and `stagenorm unpause`.",
        ),
    ],
    can_subset=True,
)
def plan_checks(context: dg.AssetCheckExecutionContext, service: StagenormService) -> Iterator[dg.AssetCheckResult]:
    """Evaluate the selected checks. Reads only stagenorm's own tables, so it takes no time."""
    with errors_as_failures():
        results = PlanChecks.read(service.open()).results()
    selected = {key.name for key in context.selected_asset_check_keys}
    yield from (result for result in results if result.check_name in selected)
