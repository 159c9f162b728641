"""The resource of the definitions: the service, opened on first use.

It has no fields in the launchpad: Dagster would store and show a database URL with its password, and the targets must
be the same for a plan and its runs.
"""

import dagster as dg
from pydantic import PrivateAttr

from stagenorm_pipeline.engine.postgres.identity import user_name
from stagenorm_pipeline.service.context import ServiceContext, open_context

# A proxy or the launcher sets it to the person who started the run: the process belongs to the daemon's user.
BY_TAG = "stagenorm/by"


class StagenormService(dg.ConfigurableResource[ServiceContext]):
    """The service on the database at DATABASE_URL, with the targets of stagenorm.toml and the vocabulary."""

    _context: ServiceContext | None = PrivateAttr(default=None)
    _interface: str = PrivateAttr(default="dagster")
    _user: str | None = PrivateAttr(default=None)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        # Schedules and sensors have no run.
        if context.run is not None:
            run, starter = f"Dagster run {context.run.run_id}", _starter(context.run)
            # The runner's name of a batch, and who made a plan or changed a row.
            self._interface = f"{run} by {starter}" if starter else run
            self._user = f"{starter or user_name()}, {run}"

    def open(self) -> ServiceContext:
        """Return the service. It connects at the first transaction. Raises ConfigurationError without DATABASE_URL.

        Not a `dg.EnvVar`: if that is not set, Dagster fails before the run starts and shows only a stack trace.
        """
        if self._context is None:
            self._context = open_context(
                interface=self._interface, application_name="stagenorm dagster", user=self._user
            )
        return self._context

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:  # noqa: ARG002 - Dagster's signature
        if self._context is not None:
            self._context.close()
            self._context = None


def _starter(run: dg.DagsterRun) -> str | None:
    """Return the person of the tag. None: the run has no such tag."""
    return run.tags.get(BY_TAG, "").strip() or None
