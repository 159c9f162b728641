"""The asset `batch_plan`: records a plan, that is, the exact rows and batches to change."""

from collections.abc import Iterator, Mapping

import dagster as dg

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.defs.assets.asset_names import BATCH_PLAN, GROUP, STAGE_INVENTORY
from stagenorm_pipeline.defs.data_versions import IN_POSTGRESQL
from stagenorm_pipeline.defs.failures import errors_as_failures
from stagenorm_pipeline.defs.graceful_stop import deferred_termination
from stagenorm_pipeline.defs.metadata.in_force import in_force
from stagenorm_pipeline.defs.metadata.plan_page import how_long_metadata, planned_metadata
from stagenorm_pipeline.defs.metadata.rehearsal import rehearsal_metadata
from stagenorm_pipeline.defs.partitions import add_fund_keys
from stagenorm_pipeline.defs.preflight_log import log_findings
from stagenorm_pipeline.defs.reconcile.plan_events import plan_figures, plan_metadata, plan_next
from stagenorm_pipeline.defs.reconcile.reconcile import reconcile
from stagenorm_pipeline.defs.resources import StagenormService
from stagenorm_pipeline.defs.run_config import PlanConfig
from stagenorm_pipeline.report.rehearsal_text import price_words
from stagenorm_pipeline.service.context import ServiceContext
from stagenorm_pipeline.service.estimating import estimate_open_plans, estimate_plan
from stagenorm_pipeline.service.monitoring import read_recorded_state
from stagenorm_pipeline.service.planning import open_plan, record_plan
from stagenorm_pipeline.service.preflight import check_ready
from stagenorm_pipeline.service.rehearsing import read_price, rehearse
from stagenorm_pipeline.service.selecting import select

Metadata = Mapping[str, dg.MetadataValue]


@dg.asset(
    key=BATCH_PLAN,
    deps=[STAGE_INVENTORY],
    group_name=GROUP,
    kinds={"postgres", "table"},
)
def batch_plan(
    context: dg.AssetExecutionContext,
    config: PlanConfig,
    service: StagenormService,
) -> Iterator[dg.MaterializeResult[None]]:
    """Step 2: plan. Records which rows change, from which spelling to which stage, in which batches.

    Writes the plan to `stage_migration_plans` and `stage_migration_batches`, and adds a partition for each fund.
    Changes no business data. The plan has only rows with a known spelling that is not canonical. It replaces the
    batches that older plans have left. Before it, run `dry_run_job`, which shows the plan and records nothing.

    In the launchpad (the arrow beside Materialize): `rehearse` records a draft, executes each batch and rolls it back.
    `open_draft` opens a draft.
    """
    with errors_as_failures():
        config.require_one_mode()
        opened = service.open()
        entries = _open_draft(opened, config.open_draft) if config.open_draft else _record(context, opened, config)
        # Read again: another session may have made a newer plan.
        state = read_recorded_state(opened)
        metadata = {
            **plan_metadata(state),
            **(plan_figures(state.plan) if state.plan else {}),
            **entries,
            **in_force(opened),
        }
    yield dg.MaterializeResult(metadata=metadata, data_version=dg.DataVersion(IN_POSTGRESQL))
    with errors_as_failures():
        reconcile(context.instance, opened)
    plan_next(state).log(context.log)


def _open_draft(service: ServiceContext, plan_id: int) -> Metadata:
    open_plan(service, plan_id=plan_id)
    return how_long_metadata(estimate_open_plans(service))


def _record(context: dg.AssetExecutionContext, service: ServiceContext, config: PlanConfig) -> Metadata:
    """Record the plan that the launchpad asks for, and return the entries that describe it."""
    selection = select(service, table=config.table or None, fund=config.fund or None)
    checked = check_ready(service, targets=selection.targets)
    log_findings(context.log, checked)
    checked.require_no_error()
    recorded = record_plan(
        service,
        selection=selection,
        batch_size=config.rows_per_batch,
        preset=config.preset,
        as_draft=config.draft or config.rehearse,
    )
    plan = recorded.plan
    added = add_fund_keys(context.instance, (f.fund_id for i in plan.inventories for f in i.funds))
    context.log.info(
        f"Recorded plan {recorded.plan_id}: {counted(plan.counts.rows_to_change, 'row')} to update in "
        f"{counted(plan.total_batches, 'batch')}. Added {counted(len(added), 'partition')}."
    )
    rehearsed = _rehearse(context, service, recorded.plan_id) if config.rehearse else {}
    return {**rehearsed, **planned_metadata(plan, estimate_plan(service, plan=plan, pace=config.pace))}


def _rehearse(context: dg.AssetExecutionContext, service: ServiceContext, plan_id: int) -> Metadata:
    context.log.info(price_words(read_price(service, plan_id=plan_id)))
    with deferred_termination() as should_stop:
        result = rehearse(service, plan_id=plan_id, should_stop=should_stop)
        is_stopped = should_stop()
    if is_stopped:
        context.log.warning(f"Rehearsal stopped after the current batch. Plan {plan_id} is still a draft.")
        raise dg.DagsterExecutionInterruptedError
    return rehearsal_metadata(context.log, result)
