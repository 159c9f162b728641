"""Prepare a Dagster instance before its daemon starts: the pool, the partitions, and the runs that a crash left.

`local.dagster_services` runs `python -m stagenorm_pipeline.defs.instance_setup [--fail-orphaned-runs]` in its own
process, because the command line does not import Dagster.
"""

import sys

import dagster as dg
from sqlalchemy.exc import SQLAlchemyError

from stagenorm_pipeline.defs.assets.normalized_stages import POOL
from stagenorm_pipeline.defs.dagster_internals import create_pool
from stagenorm_pipeline.defs.partitions import FUNDS, add_fund_keys, copy_fund_keys_of_old_name
from stagenorm_pipeline.defs.reconcile.reconcile import reconcile
from stagenorm_pipeline.errors import StagenormError
from stagenorm_pipeline.service.context import open_service
from stagenorm_pipeline.service.selecting import read_fund_ids

_UNFINISHED = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


def add_first_fund_keys(instance: dg.DagsterInstance) -> None:
    """Add the partitions of all funds, if there is none yet: otherwise "Materialize all" finds nothing to select.

    Best effort: without a database the UI still starts, and the first plan adds the partitions.
    """
    if instance.get_dynamic_partitions(FUNDS):
        return
    try:
        with open_service(interface="dagster", application_name="stagenorm dagster") as service:
            add_fund_keys(instance, read_fund_ids(service))
    except StagenormError as error:
        sys.stdout.write(f"No partitions were added: {error}\n")


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
        # Only the class name: the text of some errors contains the URL.
        sys.stdout.write(f"The pages may be out of date: {type(error).__name__}\n")


def main(arguments: list[str]) -> None:
    with dg.DagsterInstance.get() as instance:
        create_pool(instance, POOL)
        copy_fund_keys_of_old_name(instance)
        add_first_fund_keys(instance)
        if "--fail-orphaned-runs" in arguments:
            fail_orphaned_runs(instance)
        show_recorded_state(instance)


if __name__ == "__main__":
    main(sys.argv[1:])
