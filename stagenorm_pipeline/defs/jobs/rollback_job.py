"""The job `rollback_job`: restores, from the audit log, what a plan changed. Shows it first; asked for by name."""

import dagster as dg
from pydantic import Field

from stagenorm_pipeline.defs.assets.asset_names import NORMALIZED_STAGES
from stagenorm_pipeline.defs.checks.plan_checks import report_work_state
from stagenorm_pipeline.defs.failures import errors_as_failures
from stagenorm_pipeline.defs.graceful_stop import interrupts_noted
from stagenorm_pipeline.defs.resources import ApplicationDatabase, NormalizationSettings
from stagenorm_pipeline.defs.run_log import BatchLog
from stagenorm_pipeline.defs.ui_hints import for_pages
from stagenorm_pipeline.engine.apply.fund_totals import FundResult, FundTotals
from stagenorm_pipeline.engine.apply.runner import ApplyRequest, ApplyResult, apply_batches
from stagenorm_pipeline.engine.plan.batch import PlanKind
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.identity import user_name, worker_name
from stagenorm_pipeline.engine.preflight.read_only_server import require_writable
from stagenorm_pipeline.engine.rollback.rollback import (
    RollbackPreview,
    RollbackRequest,
    preview_rollback,
    record_rollback,
)
from stagenorm_pipeline.engine.targets.fund_lookup import find_fund
from stagenorm_pipeline.engine.targets.funds import FundScope, fund_key
from stagenorm_pipeline.engine.throttle.settings import ThrottleSettings
from stagenorm_pipeline.report.escape import for_markdown
from stagenorm_pipeline.report.rollback_text import STATES, UNSEEN, touched_lines


class RollbackConfig(dg.Config):
    """Settings of a rollback."""

    plan_id: int = Field(description="The plan to undo, by its number: `batch_plan` and `stagenorm status` show it.")
    execute: bool = Field(
        default=False, description="Do it. Without this the run only shows what would be restored and what left."
    )
    table: str = Field(default="", description="Undo it in one table only. Empty: in every configured table.")
    fund: str = Field(
        default="",
        description="Undo it for one fund only, by its partition fund-<fund_id> or its id, or no-fund for the rows "
        "without one. Empty: for all funds.",
    )
    only_untouched: bool = Field(
        default=False,
        description="Leave rows that another session updated or inserted again since, even with the same stage.",
    )
    sleep_ms: int = Field(default=100, description="Milliseconds to rest between two batches.")


@dg.op(pool="stagenorm_writers", out=dg.Out(dg.Nothing))
def roll_back(
    context: dg.OpExecutionContext,
    config: RollbackConfig,
    database: ApplicationDatabase,
    settings: NormalizationSettings,
) -> None:
    """Restore the rows that still hold what the plan wrote; list and leave those that another session changed since."""
    with errors_as_failures():
        opened = database.open()
        targets = settings.configuration().select(config.table or None)
        scope = find_fund(opened, targets, config.fund) if config.fund else FundScope()
        request = RollbackRequest(
            plan_id=config.plan_id, targets=targets, scope=scope, only_untouched=config.only_untouched
        )
        if config.execute:
            require_writable(opened)
        preview = preview_rollback(opened, request)
        context.add_output_metadata(_metadata(preview))
        context.log.info(f"{preview.restorable:,} rows can be restored, {preview.left:,} are left as they are")
        if not config.execute:
            context.log.info("Nothing was changed: run this again with `execute: true` to do it")
            return
        tally = FundTotals()
        result = _restore(opened, request, config, context, tally, settings.configuration().throttle)
        for fund_id, restored in tally.funds(PlanKind.ROLLBACK):
            context.log_event(undone(fund_id, restored))
        report_work_state(context.instance, opened)
    if result.stopped:
        context.log.warning("Stopped after the batch at work. Run the same rollback again to go on from here.")
        raise dg.DagsterExecutionInterruptedError
    if not result.ok:
        raise dg.Failure(
            f"{result.rows.rows_failed:,} rows in {result.failed} batches could not be restored, {result.held} batches "
            f"are taken by another runner, and {result.vanished} were deleted during the run. `stagenorm status` shows "
            "what is left; run the same rollback again.",
            allow_retries=False,
        )
    context.log.info(f"{result.rows.rows_updated:,} rows restored")


def _restore(
    database: Database,
    request: RollbackRequest,
    config: RollbackConfig,
    context: dg.OpExecutionContext,
    tally: FundTotals,
    throttle: ThrottleSettings,
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
                throttle=throttle,
                watch=tally.before(BatchLog(context.log, f"rollback of plan {config.plan_id}")),
                should_stop=should_stop,
            ),
        )


def undone(fund_id: str | None, restored: FundResult) -> dg.AssetObservation:
    """A fund's partition stays green, as what was materialized; this stands beside it, and says what became of it."""
    return dg.AssetObservation(
        NORMALIZED_STAGES,
        partition=fund_key(fund_id),
        metadata={
            "what next": dg.MetadataValue.md(
                f"Rolled back: {restored.rows.rows_updated:,} rows hold their old spelling again. To normalize them "
                "after all, materialize [batch_plan](/assets/batch_plan)."
            ),
            "rows_restored": restored.rows.rows_updated,
            "rows_skipped": restored.rows.rows_skipped,
            "rows_failed": restored.rows.rows_failed,
        },
    )


def _metadata(preview: RollbackPreview) -> dict[str, dg.MetadataValue | int]:
    lines = ["| Rows | What they are |", "| ---: | --- |"]
    lines += [f"| {preview.counts.get(state, 0):,} | {words} |" for state, words in STATES.items()]
    lines += [""]
    lines += [f"{for_markdown(for_pages(line))}\n" for line in touched_lines(preview)]
    lines += [f"{UNSEEN}\n"]
    lines += [
        f"The rollback cancels {batches:,} batches of plan {plan_id} that are still to be done.\n"
        for plan_id, batches in preview.waiting.items()
    ]
    lines += [f"Not in its scope, though the plan changed it too: {for_markdown(name)}\n" for name in preview.left_out]
    lines += ["| Target | Row | Is | Holds | Was before |", "| --- | --- | --- | --- | --- |"]
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
