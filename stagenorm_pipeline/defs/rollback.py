"""The job `rollback_job`: restores, from the audit log, what a plan changed. Shows it first; asked for by name."""

import dagster as dg
from pydantic import Field

from stagenorm_pipeline.defs.batch_log import BatchLog
from stagenorm_pipeline.defs.failures import errors_as_failures
from stagenorm_pipeline.defs.graceful_stop import interrupts_noted
from stagenorm_pipeline.defs.resources import ApplicationDatabase, NormalizationSettings
from stagenorm_pipeline.engine.apply import ApplyRequest, ApplyResult, apply_batches
from stagenorm_pipeline.engine.connection import Database
from stagenorm_pipeline.engine.rollback import (
    RollbackPreview,
    RollbackRequest,
    preview_rollback,
    record_rollback,
)
from stagenorm_pipeline.engine.workers import user_name, worker_name
from stagenorm_pipeline.report.escape import for_markdown

_STATES = {
    "restorable": "hold what was written: restored",
    "later": "changed by a later plan, or restored already: left",
    "changed": "changed by somebody else since: left",
    "null": "have no stage any more: left",
    "gone": "deleted: left",
}


class RollbackConfig(dg.Config):
    """Settings of a rollback."""

    plan_id: int = Field(description="The plan to undo, by its number: `batch_plan` and `stagenorm status` show it.")
    execute: bool = Field(
        default=False, description="Do it. Without this the run only shows what would be restored and what left."
    )
    table: str | None = Field(default=None, description="Undo it in one table only. Empty: in every configured table.")
    sleep_ms: int = Field(default=100, description="Milliseconds to rest between two batches.")


@dg.op(pool="stagenorm_writers", out=dg.Out(dg.Nothing))
def roll_back(
    context: dg.OpExecutionContext,
    config: RollbackConfig,
    database: ApplicationDatabase,
    settings: NormalizationSettings,
) -> None:
    """Restore the rows that still hold what the plan wrote; list and leave those that somebody changed since."""
    with errors_as_failures():
        opened = database.open()
        request = RollbackRequest(config.plan_id, targets=settings.configuration().select(config.table))
        preview = preview_rollback(opened, request)
        context.add_output_metadata(_metadata(preview))
        context.log.info(f"{preview.restorable:,} rows can be restored, {preview.left:,} are left as they are")
        if not config.execute:
            context.log.info("Nothing was changed: run this again with `execute: true` to do it")
            return
        result = _restore(opened, request, config, context, preview.restorable)
    if result.stopped:
        context.log.warning("Stopped after the batch at work. Run the same rollback again to go on from here.")
        raise dg.DagsterExecutionInterruptedError
    if not result.ok:
        raise dg.Failure(
            f"{result.rows.rows_failed:,} rows in {result.failed} batches could not be restored, and {result.held} "
            "batches are being done by another runner. `stagenorm status` names them; run the same rollback again.",
            allow_retries=False,
        )
    context.log.info(f"{result.rows.rows_updated:,} rows restored")


def _restore(
    database: Database,
    request: RollbackRequest,
    config: RollbackConfig,
    context: dg.OpExecutionContext,
    rows: int,
) -> ApplyResult:
    with interrupts_noted() as should_stop:
        plan_id = record_rollback(database, request, created_by=user_name())
        return apply_batches(
            database,
            ApplyRequest(
                worker=worker_name(f"dagster run {context.run.run_id}"),
                run_by=user_name(),
                plan_id=plan_id,
                sleep_ms=config.sleep_ms,
                watch=BatchLog(context.log, f"rollback of plan {config.plan_id}", rows),
                should_stop=should_stop,
            ),
        )


def _metadata(preview: RollbackPreview) -> dict[str, dg.MetadataValue | int]:
    lines = ["| Rows | What they are |", "| ---: | --- |"]
    lines += [f"| {preview.counts.get(state, 0):,} | {words} |" for state, words in _STATES.items()]
    lines += ["", "| Target | Row | Is | Holds | Was before |", "| --- | --- | --- | --- | --- |"]
    for row in preview.examples:
        now, back = ("NULL" if text is None else for_markdown(text, quote=True) for text in (row.now, row.restore))
        lines.append(f"| {for_markdown(row.target)} | {for_markdown(row.row_id)} | {row.state} | {now} | {back} |")
    return {
        "rollback": dg.MetadataValue.md("\n".join(lines)),
        "rows_restorable": preview.restorable,
        "rows_left": preview.left,
    }


@dg.job(
    description="Undo a plan: restores each row that still holds what the plan wrote, from the audit log. Shows only "
    "what it would do, until `execute: true` is set in the launchpad."
)
def rollback_job() -> None:
    roll_back()
