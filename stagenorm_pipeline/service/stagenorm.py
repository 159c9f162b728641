"""The Python API: one class with a method for each step of the flow."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from types import TracebackType

from stagenorm_pipeline.config.configuration import load_configuration
from stagenorm_pipeline.config.limits import Limits
from stagenorm_pipeline.engine.history.row_history import RowHistory
from stagenorm_pipeline.engine.history.spelling_history import SpellingHistory
from stagenorm_pipeline.engine.monitor.status import Status
from stagenorm_pipeline.engine.plan.request import DEFAULT_BATCH_SIZE
from stagenorm_pipeline.engine.rollback.rollback import RollbackPreview
from stagenorm_pipeline.service import applying, explaining, inventory, monitoring, planning, rolling_back, verifying
from stagenorm_pipeline.service.applying import AppliedBatches, Pace, Watch, ignore_event
from stagenorm_pipeline.service.context import open_context
from stagenorm_pipeline.service.inventory import Inventory
from stagenorm_pipeline.service.planning import NewPlan, PlanPreview
from stagenorm_pipeline.service.preflight import check_ready
from stagenorm_pipeline.service.rolling_back import RollbackConditions
from stagenorm_pipeline.service.selecting import Selection, select
from stagenorm_pipeline.service.verifying import VerificationReport, VerificationSettings


class Stagenorm:
    """Normalize stages from Python. Use it as a context manager, or call `close`.

    `database_url` None: DATABASE_URL. `configuration` None: the file of STAGENORM_CONFIG, else ./stagenorm.toml,
    else the defaults. `fund` is an id (`12`) or a key (`fund-12`, `no-fund`); `table` is a table, `schema.table` or
    `schema.table.column`. Every method raises StagenormError, which says what is wrong and what to do.
    """

    def __init__(self, database_url: str | None = None, *, configuration: Path | None = None) -> None:
        self._context = open_context(
            interface="python", database_url=database_url, configuration=load_configuration(configuration)
        )

    def __enter__(self) -> Stagenorm:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self._context.close()

    def inventory(self, *, table: str | None = None, fund: str | None = None) -> Inventory:
        """Read which spellings are in the data. `to_frame()` of the result is a pandas DataFrame. Reads only."""
        return inventory.read_inventory(self._context, selection=self._select(table, fund), keep_rows=True)

    def dry_run(
        self, *, table: str | None = None, fund: str | None = None, batch_size: int = DEFAULT_BATCH_SIZE
    ) -> PlanPreview:
        """Work out what a plan would change. Reads only, and records nothing."""
        return planning.preview_plan(self._context, selection=self._select(table, fund), batch_size=batch_size)

    def plan(
        self,
        *,
        table: str | None = None,
        fund: str | None = None,
        batch_size: int = DEFAULT_BATCH_SIZE,
        as_draft: bool = False,
    ) -> NewPlan:
        """Run the preflight checks, record a plan and, unless `as_draft`, open it. Changes no business data.

        Opening it cancels what older plans have left to do. Raises PreflightError if a check finds an error.
        """
        self._require_ready(table)
        selection = self._select(table, fund)
        return planning.record_plan(self._context, selection=selection, batch_size=batch_size, as_draft=as_draft)

    def apply(
        self,
        plan_id: int | None = None,
        *,
        pace: Pace | None = None,
        limits: Limits | None = None,
        watch: Watch = ignore_event,
    ) -> AppliedBatches:
        """Apply the waiting batches of a plan, or of every open plan. This changes business data.

        Opens the plan if it is a draft. `watch` hears every event. Call it again to resume after a stop or a failure.
        """
        self._require_ready(None)
        if plan_id is not None:
            planning.open_plan(self._context, plan_id=plan_id)
        return applying.apply(self._context, plan_id=plan_id, pace=pace, limits=limits, watch=watch)

    def verify(
        self, *, table: str | None = None, fund: str | None = None, settings: VerificationSettings | None = None
    ) -> VerificationReport:
        """Run the seven rules, and record the verdict with its report. Never writes to the targets."""
        return verifying.verify(self._context, selection=self._select(table, fund), settings=settings)

    def preview_rollback(
        self,
        *,
        plan_id: int | None = None,
        batch_id: int | None = None,
        since: datetime | None = None,
        spelling: str | None = None,
        stage: str | None = None,
        row_id: str | None = None,
        table: str | None = None,
        fund: str | None = None,
        only_untouched: bool = False,
    ) -> RollbackPreview:
        """Work out what `rollback` with the same conditions would restore, and what it would leave. Reads only."""
        conditions = RollbackConditions(
            plan_id=plan_id,
            batch_id=batch_id,
            since=since,
            spelling=spelling,
            stage=stage,
            row_id=row_id,
            only_untouched=only_untouched,
        )
        request = rolling_back.rollback_request(selection=self._select(table, fund), conditions=conditions)
        return rolling_back.preview_rollback(self._context, request=request)

    def rollback(
        self,
        *,
        plan_id: int | None = None,
        batch_id: int | None = None,
        since: datetime | None = None,
        spelling: str | None = None,
        stage: str | None = None,
        row_id: str | None = None,
        table: str | None = None,
        fund: str | None = None,
        only_untouched: bool = False,
        pace: Pace | None = None,
        watch: Watch = ignore_event,
    ) -> AppliedBatches:
        """Restore rows that still hold what stagenorm wrote. This changes business data.

        The changes that meet every condition given are undone; at least one is needed. `spelling`: changes from exactly
        this spelling; `stage`: of these, only those to this stage. `row_id`: the key of one row of `table`.
        `only_untouched`: leave rows that another session updated or inserted again since.
        """
        conditions = RollbackConditions(
            plan_id=plan_id,
            batch_id=batch_id,
            since=since,
            spelling=spelling,
            stage=stage,
            row_id=row_id,
            only_untouched=only_untouched,
        )
        request = rolling_back.rollback_request(selection=self._select(table, fund), conditions=conditions)
        return rolling_back.roll_back(self._context, request=request, pace=pace, watch=watch)

    def explain_row(self, table: str, row_id: str) -> RowHistory:
        """Read what a row was, what it became, why and by whom, and what happened since. Reads only."""
        return explaining.explain_row(self._context, table=table, row_id=row_id)

    def explain_spelling(self, spelling: str, *, table: str | None = None) -> SpellingHistory:
        """Read what a spelling means, what plans made of it and why, and what these rows hold now. Reads only."""
        return explaining.explain_spelling(self._context, spelling=spelling, table=table)

    def status(self) -> Status:
        """Read the progress, the runners, the failures and the plans. Reads only."""
        return monitoring.read_status(self._context)

    def _select(self, table: str | None, fund: str | None) -> Selection:
        return select(self._context, table=table, fund=fund)

    def _require_ready(self, table: str | None) -> None:
        check_ready(self._context, targets=self._context.targets(table)).require_no_error()
