"""Applying one fund's batches, and what became of it. Knows nothing of assets, events or partitions but the key."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from urllib.parse import quote

import dagster as dg

from stagenorm_pipeline.config.settings import TargetSetting
from stagenorm_pipeline.defs.assets.asset_names import NORMALIZED_STAGES
from stagenorm_pipeline.defs.run_log import BatchLog
from stagenorm_pipeline.engine.apply.pacing import Pacing
from stagenorm_pipeline.engine.apply.runner import ApplyRequest, ApplyResult, apply_batches
from stagenorm_pipeline.engine.plan.batch import PlanKind
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.identity import user_name, worker_name
from stagenorm_pipeline.engine.targets.fund_lookup import count_waiting_rows
from stagenorm_pipeline.engine.targets.funds import FundScope, fund_id_of
from stagenorm_pipeline.engine.throttle.settings import ThrottleSettings
from stagenorm_pipeline.errors import ConfigurationError
from stagenorm_pipeline.report.escape import for_markdown, sentence_for_markdown
from stagenorm_pipeline.vocabulary import Vocabulary

# Another runner's batch ends within its statement timeout of a minute, unless the database refuses many of its rows.
_LOOKS_AT_HELD_BATCHES = 60
_BETWEEN_LOOKS_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FundOutcome:
    """What became of a fund. `problem`: what went wrong, None where nothing did. `rows_left`: to do after a stop."""

    key: str
    result: ApplyResult
    problem: str | None = None
    rows_left: int = 0

    @property
    def is_done(self) -> bool:
        return self.result.ok and self.problem is None

    def metadata(self, by: str) -> dict[str, dg.MetadataValue | int | str]:
        """For the fund's event: what to do next, integers, which Dagster plots, and who did it."""
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
        """What happened and what to do, as Markdown."""
        again = f"/assets/{NORMALIZED_STAGES}?view=partitions&partition={quote(self.key, safe='')}"
        if self.problem is not None:
            return "\n".join(
                [
                    f"**{for_markdown(self.key)}**: {sentence_for_markdown(self.problem)}",
                    "",
                    "1. See what was refused, row by row: `SELECT * FROM stage_migration_failures;` or "
                    "`stagenorm status`.",
                    "2. Mend the rows, or what refuses them.",
                    f"3. [Materialize this fund again]({again}): only what is not done yet is tried.",
                ]
            )
        if self.result.stopped:
            return f"Stopped before its end: {self.rows_left:,} rows wait. [Materialize this fund again]({again})."
        if not self.result.batches:
            return "Nothing to do: no open plan has a batch of this fund that waits."
        return "Done. When all funds are, materialize [verification_report](/assets/verification_report)."


@dataclass(frozen=True, slots=True, kw_only=True)
class FundWork:
    """How funds are worked on in one run. `targets` None: whatever was planned. `pacing` None: a batch a transaction.

    A plan that was made with another vocabulary than `vocabulary` is refused.
    """

    database: Database
    vocabulary: Vocabulary
    targets: tuple[TargetSetting, ...] | None
    sleep_ms: int
    throttle: ThrottleSettings
    pacing: Pacing | None
    way_in: str
    log: logging.Logger
    _said_once: set[str] = field(default_factory=set)

    def do(self, key: str, should_stop: Callable[[], bool]) -> FundOutcome:
        """Apply every batch of the fund that waits.

        Raises StagenormError for what would stop the other funds too: no connection, no privilege, no tables, a plan
        that was made with another vocabulary.
        """
        try:
            fund_id = fund_id_of(key)
        except ConfigurationError as error:
            return FundOutcome(key=key, result=ApplyResult(), problem=str(error))
        watch = BatchLog(self.log, key, said_once=self._said_once)
        request = ApplyRequest(
            worker=worker_name(self.way_in),
            run_by=user_name(),
            # An interrupted rollback is open too, and is not for this asset to go on with.
            kind=PlanKind.NORMALIZE,
            scope=FundScope.one(fund_id),
            targets=self.targets,
            sleep_ms=self.sleep_ms,
            watch=watch,
            should_stop=should_stop,
            vocabulary=self.vocabulary,
            throttle=self.throttle,
            pacing=self.pacing,
        )
        result = self._apply(request)
        # Of a fund with nothing to do its materialization says so; a line beside it is half of what such a fund costs.
        if result != ApplyResult():
            self.log.info(f"{key}: {_summary(result)}")
        rows_left = count_waiting_rows(self.database, fund_id) if result.stopped else 0
        return FundOutcome(key=key, result=result, problem=problem_of(result, watch.first_error), rows_left=rows_left)

    def _apply(self, request: ApplyRequest) -> ApplyResult:
        """Apply, and wait for the batches that another runner is at: the fund is done when they are, and not before."""
        result = apply_batches(self.database, request)
        looks = 0
        # After a failure another pass would try the refused rows again, and count them twice.
        while result.held and not result.failed and not result.stopped and looks < _LOOKS_AT_HELD_BATCHES:
            looks += 1
            time.sleep(_BETWEEN_LOOKS_S)
            again = apply_batches(self.database, request)
            result = replace(
                again,
                batches=result.batches + again.batches,
                completed=result.completed + again.completed,
                vanished=result.vanished + again.vanished,
                rows=result.rows + again.rows,
            )
        return result


def _summary(result: ApplyResult) -> str:
    rows = result.rows
    counts = f"{rows.rows_updated:,} rows updated, {rows.rows_skipped:,} skipped, {rows.rows_failed:,} failed"
    return f"{counts} in {result.batches:,} batches" + (", stopped before the end" if result.stopped else "")


def problem_of(result: ApplyResult, first_error: str | None) -> str | None:
    """What went wrong with a fund, in a sentence that quotes what the database said first."""
    if result.failed:
        refused = f"{result.rows.rows_failed:,} row(s) in {result.failed:,} batch(es) were not changed."
        return f"{refused} The database said first: {first_error}" if first_error else refused
    if result.held and not result.stopped:
        return f"{result.held} of its batches are still being done by another runner."
    if result.vanished:
        return f"{result.vanished:,} of its batches were deleted during the run. Make a new plan for their rows."
    return None
