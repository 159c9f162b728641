"""Apply the batches of one fund and describe the outcome, without Dagster's events and partitions."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from urllib.parse import quote

import dagster as dg

from stagenorm_pipeline.config.configuration import TargetSetting
from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.defs.assets.asset_names import (
    NORMALIZED_STAGES,
    VERIFICATION_REPORT,
    page_link,
    page_path,
)
from stagenorm_pipeline.defs.run_log import BatchLog
from stagenorm_pipeline.engine.apply.runner import ApplyResult
from stagenorm_pipeline.engine.plan.batch_types import PlanKind
from stagenorm_pipeline.engine.targets.funds import FundScope, fund_id_of
from stagenorm_pipeline.errors import ConfigurationError
from stagenorm_pipeline.report.escape import for_markdown, sentence_for_markdown
from stagenorm_pipeline.service.applying import Pace, Watch, apply_fund
from stagenorm_pipeline.service.context import ServiceContext
from stagenorm_pipeline.service.monitoring import count_waiting_rows

# A taken batch ends within its statement timeout of one minute, unless the database refuses many of its rows.
_RETRIES_FOR_TAKEN_BATCHES = 60
_RETRY_EVERY_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FundOutcome:
    """The outcome of applying a fund. `problem`: why it is not done. `rows_left`: rows to update after a stop."""

    key: str
    result: ApplyResult
    problem: str | None = None
    rows_left: int = 0

    @property
    def is_done(self) -> bool:
        return self.result.ok and self.problem is None

    def metadata(self, by: str) -> dict[str, dg.MetadataValue | int | str]:
        """Return the metadata of the fund's event. `by` names who applied it. Dagster plots the integers."""
        rows = self.result.rows
        return {
            "what next": dg.MetadataValue.md(self.what_next()),
            "rows_updated": rows.rows_updated,
            "rows_skipped": rows.rows_skipped,
            "rows_failed": rows.rows_failed,
            "batches": self.result.batches,
            "by": by,
        }

    def what_next(self) -> str:
        """Return what happened and what to do, as Markdown."""
        page = page_path(NORMALIZED_STAGES, f"view=partitions&partition={quote(self.key, safe='')}")
        if self.problem is not None:
            return "\n".join(
                [
                    f"**{for_markdown(self.key)}**: {sentence_for_markdown(self.problem)}",
                    "",
                    "1. List the refused rows: `SELECT * FROM stage_migration_failures;` or `stagenorm status`.",
                    "2. Fix the rows, or the constraint or trigger that refuses them.",
                    f"3. [Materialize this fund again]({page}). It applies only the remaining rows.",
                ]
            )
        if self.result.stopped:
            left = counted(self.rows_left, "row")
            return f"Stopped before the end, with {left} left to update. [Materialize this fund again]({page})."
        if not self.result.batches:
            return "Nothing to do: no open plan has a batch left for this fund."
        return f"Done. When all funds are done, materialize {page_link(VERIFICATION_REPORT)}."


@dataclass(frozen=True, slots=True, kw_only=True)
class FundApplier:
    """Applies funds in one Dagster run. `targets` None: every target of the open plans."""

    service: ServiceContext
    targets: tuple[TargetSetting, ...] | None
    pace: Pace
    log: logging.Logger
    _logged_once: set[str] = field(default_factory=set)

    def apply(self, key: str, should_stop: Callable[[], bool]) -> FundOutcome:
        """Apply all open batches of a fund.

        Raises StagenormError for a problem that affects every fund: no connection, a missing privilege, missing
        tables, a plan made with another vocabulary.
        """
        try:
            fund_id = fund_id_of(key)
        except ConfigurationError as error:
            return FundOutcome(key=key, result=ApplyResult(), problem=str(error))
        batch_log = BatchLog(self.log, key, logged_once=self._logged_once)
        result = self._apply_until_none_is_taken(FundScope.one(fund_id), batch_log, should_stop)
        # No line for a fund with nothing to do: its event says so, and the line would take half of such a fund's time.
        if result != ApplyResult():
            self.log.info(f"{key}: {_summary(result)}")
        rows_left = count_waiting_rows(self.service, fund_id=fund_id) if result.stopped else 0
        problem = describe_problem(result, batch_log.first_error)
        return FundOutcome(key=key, result=result, problem=problem, rows_left=rows_left)

    def _apply_until_none_is_taken(
        self, scope: FundScope, watch: Watch, should_stop: Callable[[], bool]
    ) -> ApplyResult:
        """Apply, and retry the batches that another runner has: the fund is done only when they are."""

        def apply_once() -> ApplyResult:
            # `kind`: the asset must not resume an interrupted rollback.
            applied = apply_fund(
                self.service,
                kind=PlanKind.NORMALIZE,
                scope=scope,
                targets=self.targets,
                pace=self.pace,
                watch=watch,
                should_stop=should_stop,
            )
            return applied.result

        result = apply_once()
        retries = 0
        # No retry after a failure: it would try the refused rows again and count them twice.
        while result.taken and not result.failed and not result.stopped and retries < _RETRIES_FOR_TAKEN_BATCHES:
            retries += 1
            time.sleep(_RETRY_EVERY_S)
            again = apply_once()
            result = replace(
                again,
                batches=result.batches + again.batches,
                completed=result.completed + again.completed,
                vanished=result.vanished + again.vanished,
                rows=result.rows + again.rows,
            )
        return result


def describe_problem(result: ApplyResult, first_error: str | None) -> str | None:
    """Return why a fund is not done, with the database's first error; None if there is no problem."""
    if result.failed:
        where = counted(result.failed, "batch")
        refused = f"{counted(result.rows.rows_failed, 'row')} in {where} could not be changed."
        return f"{refused} First error from the database: {first_error}" if first_error else refused
    if result.taken and not result.stopped:
        return f"Still taken by another runner: {counted(result.taken, 'batch')} of this fund."
    if result.vanished:
        return f"Deleted during the run: {counted(result.vanished, 'batch')} of this fund. Make a new plan."
    return None


def _summary(result: ApplyResult) -> str:
    rows = result.rows
    counts = f"{counted(rows.rows_updated, 'row')} updated, {rows.rows_skipped:,} skipped, {rows.rows_failed:,} failed"
    return f"{counts} in {counted(result.batches, 'batch')}" + (", stopped before the end" if result.stopped else "")
