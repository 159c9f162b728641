"""The job `rollback_job`: restores from the audit log the rows that a plan changed. By default it only shows them."""

import dagster as dg
from pydantic import Field

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.defs.assets.asset_names import NORMALIZED_STAGES
from stagenorm_pipeline.defs.failures import errors_as_failures
from stagenorm_pipeline.defs.graceful_stop import deferred_termination
from stagenorm_pipeline.defs.jobs.plan_id import NO_PLAN, require_plan_id
from stagenorm_pipeline.defs.metadata.in_force import in_force
from stagenorm_pipeline.defs.reconcile.fund_events import fund_metadata
from stagenorm_pipeline.defs.reconcile.plan_events import plan_next
from stagenorm_pipeline.defs.reconcile.reconcile import reconcile
from stagenorm_pipeline.defs.resources import StagenormService
from stagenorm_pipeline.defs.run_log import BatchLog
from stagenorm_pipeline.defs.ui_hints import with_ui_steps
from stagenorm_pipeline.engine.plan.batch_types import PlanKind
from stagenorm_pipeline.engine.rollback.rollback import RollbackPreview
from stagenorm_pipeline.engine.rollback.scope import RollbackRequest
from stagenorm_pipeline.report.escape import for_markdown, for_terminal
from stagenorm_pipeline.report.rollback_text import STATES, UNSEEN, touched_lines
from stagenorm_pipeline.service.applying import AppliedBatches, Pace
from stagenorm_pipeline.service.context import ServiceContext
from stagenorm_pipeline.service.monitoring import read_fund_state, read_recorded_state
from stagenorm_pipeline.service.rolling_back import RollbackConditions, preview_rollback, read_row, rollback_request
from stagenorm_pipeline.service.rolling_back import roll_back as roll_back_rows
from stagenorm_pipeline.service.selecting import select


class RollbackConfig(dg.Config):
    """Launchpad settings of `rollback_job`."""

    plan_id: int = Field(
        default=NO_PLAN,
        description="The number of the plan to undo. `batch_plan` and `stagenorm status` show it. Not needed with "
        "`spelling` or `row`.",
    )
    spelling: str = Field(
        default="",
        description="Undo only what was changed from exactly this spelling. Without `plan_id`: by every plan.",
    )
    row: str = Field(
        default="",
        description="Undo only what was changed in this row, for example portfoliocompanies:123. Without `plan_id`: by "
        "every plan.",
    )
    execute: bool = Field(
        default=False, description="Restore the rows. If false, the run only shows which rows it would restore."
    )
    table: str = Field(default="", description="Undo the plan in one table only. Empty: in every configured table.")
    fund: str = Field(
        default="",
        description="Undo the plan for one fund only: fund-<fund_id>, the fund's id, or no-fund for rows without a "
        "fund. Empty: for all funds.",
    )
    only_untouched: bool = Field(
        default=False,
        description="Do not restore rows that another session has updated or inserted again, even with the same stage.",
    )
    sleep_ms: int = Field(default=100, description="Milliseconds to sleep between two batches.")
    parallel: int = Field(default=1, description="How many database sessions restore batches at the same time.")


@dg.op(pool="stagenorm_writers", out=dg.Out(dg.Nothing))
def roll_back(
    context: dg.OpExecutionContext,
    config: RollbackConfig,
    service: StagenormService,
) -> None:
    """Restore the rows that still hold what the plan wrote. List the rows that another session changed since."""
    with errors_as_failures():
        if not config.spelling and not config.row:
            require_plan_id(config.plan_id)
        opened = service.open()
        request = _request(opened, config)
        if config.execute:
            opened.require_writable()
        preview = preview_rollback(opened, request=request)
        context.add_output_metadata(_metadata(preview))
        context.log.info(f"{counted(preview.restorable, 'row')} can be restored, {preview.left:,} cannot")
        if not config.execute:
            context.log.info("Next: nothing was changed. To restore the rows, run this again with `execute: true`.")
            return
        applied = _restore(context, opened, request, config)
        for fund_id, _ in applied.totals.funds(PlanKind.ROLLBACK):
            context.log_event(_observation(opened, fund_id))
        reconcile(context.instance, opened)
        what_next = plan_next(read_recorded_state(opened))
    result = applied.result
    if result.stopped:
        context.log.warning("Stopped after the current batch. To restore the rest, run the same rollback again.")
        raise dg.DagsterExecutionInterruptedError
    if not result.ok:
        raise dg.Failure(
            f"The rollback is not complete. Not restored: {counted(result.rows.rows_failed, 'row')} in "
            f"{counted(result.failed, 'batch')}. Taken by another runner: {counted(result.taken, 'batch')}. Deleted "
            f"during the run: {counted(result.vanished, 'batch')}. `stagenorm status` shows what is left. Fix the "
            "cause, then run the same rollback again.",
            allow_retries=False,
        )
    context.log.info(f"{counted(result.rows.rows_updated, 'row')} restored")
    what_next.log(context.log)


def _request(service: ServiceContext, config: RollbackConfig) -> RollbackRequest:
    """Read what to undo. Raises ConfigurationError for a row that is not TABLE:ID, or is of another table."""
    table = config.table or None
    named = read_row(config.row, table=table) if config.row else None
    conditions = RollbackConditions(
        plan_id=None if config.plan_id == NO_PLAN else config.plan_id,
        spelling=config.spelling or None,
        row_id=named.row_id if named else None,
        only_untouched=config.only_untouched,
    )
    selection = select(service, table=named.table if named else table, fund=config.fund or None)
    return rollback_request(selection=selection, conditions=conditions)


def _restore(
    context: dg.OpExecutionContext, service: ServiceContext, request: RollbackRequest, config: RollbackConfig
) -> AppliedBatches:
    with deferred_termination() as should_stop:
        return roll_back_rows(
            service,
            request=request,
            pace=Pace(sleep_ms=config.sleep_ms, parallel=config.parallel),
            watch=BatchLog(context.log, _name(config)),
            should_stop=should_stop,
        )


def _name(config: RollbackConfig) -> str:
    """Name the rollback in the log."""
    plan = "" if config.plan_id == NO_PLAN else f"plan {config.plan_id}"
    spelling = for_terminal(config.spelling, quote=True) if config.spelling else ""
    return f"rollback of {', '.join(filter(None, (plan, spelling, for_terminal(config.row))))}"


def _metadata(preview: RollbackPreview) -> dict[str, dg.MetadataValue | int]:
    lines = ["| Rows | What they are |", "| ---: | --- |"]
    lines += [f"| {preview.counts.get(state, 0):,} | {words} |" for state, words in STATES.items()]
    lines += [""]
    lines += [f"{for_markdown(with_ui_steps(line))}\n" for line in touched_lines(preview)]
    lines += [f"{UNSEEN}\n"]
    lines += [
        f"The rollback cancels {counted(batches, 'open batch')} of plan {plan_id}.\n"
        for plan_id, batches in preview.waiting.items()
    ]
    lines += [
        f"Not in the scope of this rollback, but changed by the plan: {for_markdown(name)}\n"
        for name in preview.left_out
    ]
    lines += ["| Target | Row | State | Stage now | Stage before |", "| --- | --- | --- | --- | --- |"]
    for row in preview.examples:
        now, back = ("NULL" if text is None else for_markdown(text, quote=True) for text in (row.now, row.restore))
        lines.append(f"| {for_markdown(row.target)} | {for_markdown(row.row_id)} | {row.state} | {now} | {back} |")
    return {
        "rollback": dg.MetadataValue.md("\n".join(lines)),
        "rows_restorable": preview.restorable,
        "rows_left": preview.left,
    }


def _observation(service: ServiceContext, fund_id: str | None) -> dg.AssetObservation:
    """Return the observation of a rolled-back fund. Its partition stays green, because nothing can undo that."""
    state = read_fund_state(service, fund_id=fund_id)
    metadata = fund_metadata(state, in_force(service), by=service.user, this_run="rolled back")
    return dg.AssetObservation(NORMALIZED_STAGES, partition=state.key, metadata=metadata)


@dg.job(
    description="Undo a plan, or what was changed from one spelling or in one row: restores from the audit log each "
    "row that still holds what the plan wrote. Without `execute: true` in the launchpad it only shows the rows."
)
def rollback_job() -> None:
    roll_back()
