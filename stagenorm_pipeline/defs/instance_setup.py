"""What Dagster's instance needs before its daemon starts: the pool's limit, and an honest end of a crash's leftovers.

Run by `local.dagster_services` as `python -m stagenorm_pipeline.defs.instance_setup [--leftovers]`: the
command line never imports Dagster. Does not belong here: what the instance's settings are (see `dagster.yaml`).
"""

import sys

import dagster as dg

from stagenorm_pipeline.defs.assets.normalized_stages import POOL

_UNFINISHED = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


def limit_the_pool(instance: dg.DagsterInstance) -> None:
    """Create the pool with the default limit: Dagster's queue, seeing it for the first time, lets runs pass it by."""
    # Of a pool that is there Dagster 1.13 cannot do it again: on PostgreSQL its statement fails.
    if POOL not in {limit.name for limit in instance.event_log_storage.get_pool_limits()}:
        instance.event_log_storage.initialize_concurrency_limit_to_default(POOL)


def report_leftovers(instance: dg.DagsterInstance) -> list[str]:
    """Report the runs that no process works on any more as failed; returns their ids.

    Only for an instance whose runs die with `stagenorm ui`: on a shared one, another machine may be at work on them.
    """
    runs = instance.get_runs(dg.RunsFilter(statuses=_UNFINISHED))
    for run in runs:
        instance.report_run_failed(
            run,
            "This run's process ended with an earlier `stagenorm ui`. Its finished batches are kept and the others "
            "wait: materialize the same funds again to go on.",
        )
    return [run.run_id for run in runs]


def main(arguments: list[str]) -> None:
    with dg.DagsterInstance.get() as instance:
        limit_the_pool(instance)
        if "--leftovers" in arguments:
            report_leftovers(instance)


if __name__ == "__main__":
    main(sys.argv[1:])
