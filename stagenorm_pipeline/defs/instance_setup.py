"""Prepare a Dagster instance before its daemon starts: the pool, the partitions, and the runs that a crash left.

`local.dagster_services` runs `python -m stagenorm_pipeline.defs.instance_setup [--fail-orphaned-runs]` in its own
process, because the command line does not import Dagster.
"""

import sys

import dagster as dg
from sqlalchemy.exc import SQLAlchemyError

from stagenorm_pipeline.defs.assets.normalized_stages import POOL
from stagenorm_pipeline.defs.dagster_internals import create_pool
from stagenorm_pipeline.defs.partitions import copy_fund_keys_of_old_name
from stagenorm_pipeline.defs.reconcile.reconcile import reconcile
from stagenorm_pipeline.errors import StagenormError
from stagenorm_pipeline.service.context import open_service

_UNFINISHED = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


def fail_orphaned_runs(instance: dg.DagsterInstance) -> list[str]:
    """Report every unfinished run as failed and return the ids.

    Use it only on an instance whose runs end with `stagenorm ui`. On a shared instance, another machine may still be
    working on them.
    """
    runs = instance.get_runs(dg.RunsFilter(statuses=_UNFINISHED))
    for run in runs:
        instance.report_run_failed(
            run,
            "The process of this run ended with an earlier `stagenorm ui`. Its finished batches are kept. To apply the "
            "rest, materialize the same funds again.",
        )
    return [run.run_id for run in runs]


def show_recorded_state(instance: dg.DagsterInstance) -> None:
    """Make the pages show what the database at DATABASE_URL says. If it cannot be read, the sensor tries again."""
    try:
        with open_service(interface="dagster", application_name="stagenorm dagster") as service:
            reconcile(instance, service)
    except (StagenormError, SQLAlchemyError) as error:
        print(f"Pages are not up to date yet: {type(error).__name__}")  # noqa: T201 - this goes to the log


def main(arguments: list[str]) -> None:
    with dg.DagsterInstance.get() as instance:
        create_pool(instance, POOL)
        copy_fund_keys_of_old_name(instance)
        if "--fail-orphaned-runs" in arguments:
            fail_orphaned_runs(instance)
        show_recorded_state(instance)


if __name__ == "__main__":
    main(sys.argv[1:])
