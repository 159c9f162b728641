"""The asset `normalized_stages`: applies the open plan, one partition per fund."""

from collections.abc import Iterator

import dagster as dg

from stagenorm_pipeline.defs.apply_fund import FundApplier, FundOutcome, failure_of_funds
from stagenorm_pipeline.defs.assets.asset_names import BATCH_PLAN, GROUP, NORMALIZED_STAGES
from stagenorm_pipeline.defs.checks.fund_clean import FUND_CLEAN_SPEC, result_of_run
from stagenorm_pipeline.defs.failures import errors_as_failures
from stagenorm_pipeline.defs.graceful_stop import deferred_termination
from stagenorm_pipeline.defs.metadata.in_force import in_force
from stagenorm_pipeline.defs.partitions import funds
from stagenorm_pipeline.defs.reconcile.plan_events import plan_next
from stagenorm_pipeline.defs.reconcile.reconcile import reconcile
from stagenorm_pipeline.defs.resources import StagenormService
from stagenorm_pipeline.defs.run_config import ApplyConfig
from stagenorm_pipeline.service.monitoring import read_recorded_state

# Limits the runs that write at the same time. The limit is in dagster.yaml.
POOL = "stagenorm_writers"

# With one process per fund, 100 funds took 538 s, even with an asset that did nothing. With 25 per run they take 57 s,
# of which the runs take 14 s: the daemon starts runs every 30 s. In a single run, one Terminate would stop them all.
FUNDS_PER_RUN = 25


@dg.asset(
    key=NORMALIZED_STAGES,
    partitions_def=funds,
    deps=[BATCH_PLAN],
    group_name=GROUP,
    kinds={"postgres"},
    pool=POOL,
    backfill_policy=dg.BackfillPolicy.multi_run(max_partitions_per_run=FUNDS_PER_RUN),
    # A failed fund must not become materialized, so the asset reports each successful fund itself.
    output_required=False,
    check_specs=[FUND_CLEAN_SPEC],
)
def normalized_stages(
    context: dg.AssetExecutionContext,
    config: ApplyConfig,
    service: StagenormService,
) -> Iterator[dg.AssetMaterialization | dg.AssetObservation | dg.AssetCheckResult]:
    """Step 3: apply. Applies the open plan's batches of a fund. The only step that changes business data.

    Each batch is one transaction with its rows, audit rows and result. A row that changed since planning is skipped.
    A row that the database refuses goes to the quarantine. All other rows are changed.

    The colours of partitions show what Dagster last ran. The check `fund_clean` shows how each fund is in PostgreSQL.
    Jobs and sensors choose funds from PostgreSQL, too.

    To apply all funds at once, run `normalize_all_job`. Here, choose one fund or some. Terminate stops a run after the
    current batch. Materialize a failed or terminated fund again to apply the rest. The pace is the preset of the plan.
    """
    with errors_as_failures():
        opened = service.open()
        applier = FundApplier(
            service=opened,
            targets=opened.targets(config.table) if config.table else None,
            pace=config.pace(opened),
            log=context.log,
        )
        settings = in_force(opened)
    outcomes: list[FundOutcome] = []
    for key in context.partition_keys:
        # Ends before each `yield`, because Dagster installs its own signal handlers between events.
        with errors_as_failures(), deferred_termination() as should_stop:
            outcome = applier.apply(key, should_stop)
            stop = should_stop()
        outcomes.append(outcome)
        yield outcome.event(opened.user, settings)
        if stop:
            break
    yield result_of_run([outcome.state for outcome in outcomes])
    with errors_as_failures():
        reconcile(context.instance, opened, funds=set(context.partition_keys))
        what_next = plan_next(read_recorded_state(opened))
    if stop:
        context.log.warning("Stopped after the current batch. To apply the rest, materialize the same funds again.")
        raise dg.DagsterExecutionInterruptedError
    if failed := [outcome for outcome in outcomes if outcome.problem]:
        raise failure_of_funds(failed, again="materialize the same funds again")
    what_next.log(context.log)
