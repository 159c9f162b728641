"""The asset `batch_plan`: records a plan, that is, the exact rows and batches to change."""

import dagster as dg

from stagenorm_pipeline import __version__
from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.defs.assets.asset_names import (
    BATCH_PLAN,
    GROUP,
    NORMALIZED_STAGES,
    OWNERS,
    STAGE_INVENTORY,
    VERIFICATION_REPORT,
    page_link,
)
from stagenorm_pipeline.defs.failures import errors_as_failures
from stagenorm_pipeline.defs.graceful_stop import deferred_termination
from stagenorm_pipeline.defs.metadata.rehearsal import rehearsal_metadata
from stagenorm_pipeline.defs.partitions import add_fund_keys
from stagenorm_pipeline.defs.preflight_log import log_findings
from stagenorm_pipeline.defs.resources import StagenormService
from stagenorm_pipeline.defs.run_config import PlanConfig
from stagenorm_pipeline.engine.inventory.inventory import count_unknown_spellings
from stagenorm_pipeline.engine.plan.plan import Plan
from stagenorm_pipeline.report.markdown_text import plan_markdown
from stagenorm_pipeline.service.applying import rehearse
from stagenorm_pipeline.service.context import ServiceContext
from stagenorm_pipeline.service.monitoring import read_waiting_work
from stagenorm_pipeline.service.planning import open_plan, preview_plan, read_plan, record_plan
from stagenorm_pipeline.service.preflight import check_ready
from stagenorm_pipeline.service.selecting import select

PlanMetadata = dict[str, dg.MetadataValue | int]


@dg.asset(
    key=BATCH_PLAN,
    deps=[STAGE_INVENTORY],
    group_name=GROUP,
    owners=OWNERS,
    kinds={"postgres", "table"},
    code_version=__version__,
)
def batch_plan(
    context: dg.AssetExecutionContext,
    config: PlanConfig,
    service: StagenormService,
) -> dg.MaterializeResult[None]:
    """**Step 2: plan.** Records which rows change, from which spelling to which stage, in which batches.

    Writes the plan to `stage_migration_plans` and `stage_migration_batches`, and adds a partition for each fund.
    Changes no business data. The plan has only rows with a known spelling that is not canonical. It replaces the
    batches that older plans have left.

    In the launchpad (the arrow beside Materialize): `dry_run` shows the plan and records nothing. `rehearse` records a
    draft, executes each batch and rolls it back. `open_draft` opens a draft.
    """
    with errors_as_failures():
        config.require_one_mode()
        opened = service.open()
        if config.open_draft:
            return dg.MaterializeResult(metadata=_open_draft(context, opened, config.open_draft))
        selection = select(opened, table=config.table or None, fund=config.fund or None)
        if config.dry_run:
            return _result(preview_plan(opened, selection=selection, batch_size=config.rows_per_batch).plan)
        checked = check_ready(opened, targets=selection.targets)
        log_findings(context.log, checked)
        checked.require_no_error()
        recorded = record_plan(
            opened,
            selection=selection,
            batch_size=config.rows_per_batch,
            as_draft=config.draft or config.rehearse,
        )
        plan = recorded.plan
        added = add_fund_keys(context.instance, (f.fund_id for i in plan.inventories for f in i.funds))
        context.log.info(
            f"Recorded plan {recorded.plan_id}: {counted(plan.counts.rows_to_change, 'row')} to update in "
            f"{counted(plan.total_batches, 'batch')}. Added {counted(len(added), 'partition')}."
        )
        rehearsed = _rehearse(context, opened, recorded.plan_id) if config.rehearse else {}
    return _result(plan, **rehearsed)


def _open_draft(context: dg.AssetExecutionContext, service: ServiceContext, plan_id: int) -> PlanMetadata:
    open_plan(service, plan_id=plan_id)
    # The draft may come from the command line, which had no Dagster instance to add partitions to.
    add_fund_keys(context.instance, (fund.fund_id for fund in read_waiting_work(service).funds))
    return open_plan_metadata(service, plan_id)


def open_plan_metadata(service: ServiceContext, plan_id: int) -> PlanMetadata:
    """Return the metadata of a plan that was recorded earlier."""
    plan = read_plan(service, plan_id=plan_id)
    return {
        "what next": dg.MetadataValue.md(_APPLY.format(plan_id=plan_id)),
        "plan_id": plan_id,
        "batches": plan.total_batches,
        "rows_to_update": plan.counts.rows_to_change,
        "rows_seen": plan.counts.rows_seen,
        "rows_unknown": plan.counts.rows_unknown,
    }


def _rehearse(context: dg.AssetExecutionContext, service: ServiceContext, plan_id: int) -> PlanMetadata:
    with deferred_termination() as should_stop:
        result = rehearse(service, plan_id=plan_id, should_stop=should_stop)
        is_stopped = should_stop()
    if is_stopped:
        context.log.warning(f"Rehearsal stopped after the current batch. Plan {plan_id} is still a draft.")
        raise dg.DagsterExecutionInterruptedError
    return rehearsal_metadata(context.log, result)


def _result(plan: Plan, **rehearsed: dg.MetadataValue | int) -> dg.MaterializeResult[None]:
    return dg.MaterializeResult(
        metadata={
            "what next": dg.MetadataValue.md(_what_next(plan)),
            **rehearsed,
            "plan": dg.MetadataValue.md(plan_markdown(plan)),
            **({} if plan.plan_id is None else {"plan_id": plan.plan_id}),
            "batches": plan.total_batches,
            "rows_to_update": plan.counts.rows_to_change,
            "rows_seen": plan.counts.rows_seen,
            "rows_unknown": plan.counts.rows_unknown,
            "unknown_spellings": count_unknown_spellings(plan.inventories),
            "funds_to_change": len(plan.funds_to_change),
        }
    )


_APPLY = (
    f"Plan {{plan_id}} is open. Materialize {page_link(NORMALIZED_STAGES, 'view=partitions')}, first for one fund, "
    "then for all. To cancel the plan, run the job `cancel_plan_job` with plan_id {plan_id}."
)
_DRAFT = (
    "Plan {plan_id} is a draft: no runner applies it. To open it, materialize `batch_plan` from its launchpad (the "
    "arrow beside Materialize) with `open_draft: {plan_id}`. To cancel it, run the job `cancel_plan_job` with plan_id "
    "{plan_id}."
)


def _what_next(plan: Plan) -> str:
    if not plan.counts.rows_to_change:
        return f"Nothing to change: every known spelling is canonical. Materialize {page_link(VERIFICATION_REPORT)}."
    if plan.plan_id is None:
        return "Nothing was recorded. Review the plan, then materialize `batch_plan` without `dry_run`."
    return "Review the plan. " + (_DRAFT if plan.status == "draft" else _APPLY).format(plan_id=plan.plan_id)
