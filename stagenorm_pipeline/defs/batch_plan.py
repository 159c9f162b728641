"""The asset `batch_plan`: the exact rows and batches that would run, recorded in the database."""

import dagster as dg

from stagenorm_pipeline import __version__
from stagenorm_pipeline.defs.failures import errors_as_failures
from stagenorm_pipeline.defs.graph import GROUP, OWNERS
from stagenorm_pipeline.defs.partitions import funds, new_fund_keys
from stagenorm_pipeline.defs.preflight import look_ahead
from stagenorm_pipeline.defs.resources import ApplicationDatabase, NormalizationSettings
from stagenorm_pipeline.defs.run_config import PlanConfig
from stagenorm_pipeline.engine.inventory import count_unknown_spellings
from stagenorm_pipeline.engine.plan import Plan, preview_plan, record_plan
from stagenorm_pipeline.engine.request import PlanRequest
from stagenorm_pipeline.engine.workers import user_name
from stagenorm_pipeline.report.markdown import plan_markdown


@dg.asset(
    deps=["stage_inventory"], group_name=GROUP, owners=OWNERS, kinds={"postgres", "table"}, code_version=__version__
)
def batch_plan(
    context: dg.AssetExecutionContext,
    config: PlanConfig,
    database: ApplicationDatabase,
    settings: NormalizationSettings,
) -> dg.MaterializeResult[None]:
    """**Step 2: plan.** Which rows would change, from what to what, in which batches, fund by fund.

    Records a plan in `stage_migration_plans` and `stage_migration_batches`, and makes a partition of each fund for the
    next step. Changes no business data. It holds only rows whose spelling is known and not canonical; a newer plan
    takes the place of what an older one had left to do.

    With `dry_run: true` in the launchpad it shows the plan and records nothing at all.
    """
    with errors_as_failures():
        request = PlanRequest(
            settings.vocabulary(),
            settings.configuration().select(config.table),
            batch_size=config.rows_in_a_batch,
        )
        if config.dry_run:
            plan = preview_plan(database.open(), request)
        else:
            look_ahead(context, database.open(), request.targets)
            plan = record_plan(database.open(), request, created_by=user_name())
            _add_partitions(context, plan)
    return dg.MaterializeResult(
        metadata={
            "plan": dg.MetadataValue.md(plan_markdown(plan)),
            "what next": dg.MetadataValue.md(_what_next(plan)),
            **({} if plan.plan_id is None else {"plan_id": plan.plan_id}),
            "batches": plan.total_batches,
            "rows_to_update": plan.counts.rows_to_change,
            "rows_seen": plan.counts.rows_seen,
            "rows_unknown": plan.counts.rows_unknown,
            "unknown_spellings": count_unknown_spellings(plan.inventories),
            "funds_to_change": len(plan.funds_to_change),
        }
    )


def _add_partitions(context: dg.AssetExecutionContext, plan: Plan) -> None:
    seen = (fund.fund_id for inventory in plan.inventories for fund in inventory.funds)
    if keys := new_fund_keys(context.instance, seen):
        context.instance.add_dynamic_partitions(str(funds.name), keys)
        context.log.info(f"Added {len(keys)} fund partition(s)")


def _what_next(plan: Plan) -> str:
    if not plan.counts.rows_to_change:
        return "Nothing to do: no row holds a known spelling that is not canonical. Materialize `verification_report`."
    if plan.plan_id is None:
        return "Review the plan, then materialize `batch_plan` without `dry_run`."
    return (
        "Review the plan, then materialize `normalized_stages` for one fund, to see how it goes, and for all. "
        f"To withdraw it: `stagenorm cancel --plan {plan.plan_id}`."
    )
