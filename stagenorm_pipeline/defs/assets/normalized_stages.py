"""The asset `normalized_stages`: applies what is planned, fund by fund. How a batch is done is the engine's matter."""

from collections.abc import Iterator
from dataclasses import replace

import dagster as dg

from stagenorm_pipeline import __version__
from stagenorm_pipeline.defs.apply_fund import FundOutcome, FundWork
from stagenorm_pipeline.defs.assets.asset_names import GROUP, NORMALIZED_STAGES, OWNERS
from stagenorm_pipeline.defs.checks.plan_checks import report_work_state
from stagenorm_pipeline.defs.failures import errors_as_failures
from stagenorm_pipeline.defs.graceful_stop import interrupts_noted
from stagenorm_pipeline.defs.partitions import funds
from stagenorm_pipeline.defs.resources import ApplicationDatabase, NormalizationSettings
from stagenorm_pipeline.defs.run_config import ApplyConfig
from stagenorm_pipeline.engine.postgres.identity import user_name
from stagenorm_pipeline.engine.throttle.settings import LAG_THROTTLERS
from stagenorm_pipeline.report.escape import sentence_for_terminal

# Runs that write at once; how many is in dagster.yaml.
POOL = "stagenorm_writers"

# 100 small funds through the daemon: 57 s, of which the runs take 14 s (the daemon looks every 30 s). A process for
# each fund took 538 s even with an asset that did nothing; with all in one run, one Terminate stops every fund.
FUNDS_IN_A_RUN = 25


@dg.asset(
    name=NORMALIZED_STAGES,
    partitions_def=funds,
    deps=["batch_plan"],
    group_name=GROUP,
    owners=OWNERS,
    kinds={"postgres"},
    code_version=__version__,
    pool=POOL,
    backfill_policy=dg.BackfillPolicy.multi_run(max_partitions_per_run=FUNDS_IN_A_RUN),
    # A fund that failed must not look materialized; each good one is reported by hand instead.
    output_required=False,
)
def normalized_stages(
    context: dg.AssetExecutionContext,
    config: ApplyConfig,
    database: ApplicationDatabase,
    settings: NormalizationSettings,
) -> Iterator[dg.AssetMaterialization | dg.AssetObservation]:
    """**Step 3: change.** Applies the open plan's batches of a fund: the only step here that changes business data.

    Each batch is one transaction: its rows, their audit rows and its progress move together or not at all. A row that
    somebody changed since the plan is skipped, a row that the database refuses is set aside, all others go through.

    A fund with nothing to do is done at once. One that failed can be materialized again: it goes on from there. So
    does one that was terminated: it stops after the batch at work. All funds at once: Materialize, then choose All.

    Another pace for it: in that dialog, Config, Add config,
    `ops: {normalized_stages: {config: {preset: conservative}}}`.
    """
    with errors_as_failures():
        configuration = settings.configuration()
        throttle = configuration.throttle
        work = FundWork(
            database=database.open(),
            vocabulary=settings.vocabulary(),
            targets=configuration.select(config.table) if config.table else None,
            sleep_ms=config.rest_ms,
            throttle=replace(throttle, ignore=throttle.ignore | LAG_THROTTLERS) if config.no_lag_check else throttle,
            pacing=configuration.pacing if config.is_paced else None,
            way_in=f"dagster run {context.run.run_id}",
            log=context.log,
        )
    failed: list[FundOutcome] = []
    # The page shows the newest value of each name: without this one, whoever did it before would seem to have.
    by = f"Dagster, {user_name()}"
    for key in context.partition_keys:
        # Not held while Dagster stores an event.
        with errors_as_failures(), interrupts_noted() as should_stop:
            outcome = work.do(key, should_stop)
            stop = should_stop()
        if outcome.is_done:
            yield dg.AssetMaterialization(context.asset_key, partition=key, metadata=outcome.metadata(by))
        else:
            failed += [outcome] if outcome.problem else []
            yield dg.AssetObservation(context.asset_key, partition=key, metadata=outcome.metadata(by))
        if stop:
            break
    with errors_as_failures():
        report_work_state(context.instance, work.database)
    if stop:
        context.log.warning("Stopped after the batch at work. Materialize the same funds again to go on from here.")
        raise dg.DagsterExecutionInterruptedError
    if failed:
        raise _failure(failed)


def _failure(failed: list[FundOutcome]) -> dg.Failure:
    names = ", ".join(outcome.key for outcome in failed)
    problems = {outcome.key: sentence_for_terminal(outcome.problem or "") for outcome in failed}
    return dg.Failure(
        description=f"{len(failed)} fund(s) failed: {names}. All others in this run are done. "
        "`stagenorm status` and the view stage_migration_failures list what was refused, row by row: mend it, then "
        "materialize the same funds again. Only what is not done yet is tried.",
        # Text and not Markdown, which the run page hides behind a link.
        metadata={key: dg.MetadataValue.text(problem) for key, problem in problems.items()},
        allow_retries=False,
    )
