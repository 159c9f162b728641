"""The resources of the definitions: the application's database and stagenorm's settings. Both are read on first use.

Neither has fields in the launchpad. Dagster would store and show a URL with its password. The targets must be the same
for a plan and its runs.
"""

import os

import dagster as dg
from pydantic import PrivateAttr

from stagenorm_pipeline.config.settings import Configuration, load_configuration
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.errors import ConfigurationError
from stagenorm_pipeline.vocabulary import Vocabulary, load_decisions


class ApplicationDatabase(dg.ConfigurableResource[Database]):
    """The PostgreSQL database with the application's tables, at DATABASE_URL."""

    _database: Database | None = PrivateAttr(default=None)

    def open(self) -> Database:
        """Return the database. It connects at the first transaction. Raises ConfigurationError without DATABASE_URL.

        Not a `dg.EnvVar`: if that is not set, Dagster fails before the run starts and shows only a stack trace.
        """
        if self._database is None:
            url = os.environ.get("DATABASE_URL", "")
            if not url.strip():
                raise ConfigurationError(
                    "DATABASE_URL is not set for Dagster's processes.",
                    remedy="Set it to postgresql://USER:PASSWORD@HOST:5432/DATABASE where Dagster is started, "
                    "and start it again.",
                )
            schema = load_configuration().tracking_schema
            self._database = Database.at(url, application_name="stagenorm dagster", tracking_schema=schema)
        return self._database

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:  # noqa: ARG002 - Dagster's signature
        if self._database is not None:
            self._database.close()
            self._database = None


class NormalizationSettings(dg.ConfigurableResource["NormalizationSettings"]):
    """The targets of stagenorm.toml, or the two default ones, and the vocabulary."""

    def configuration(self) -> Configuration:
        """Read stagenorm.toml. Raises ConfigurationError."""
        return load_configuration()

    def vocabulary(self) -> Vocabulary:
        """Return the built-in aliases plus the reviewed decisions, if there are any. Raises DecisionsError."""
        decisions = self.configuration().decisions
        return Vocabulary.with_decisions(load_decisions(decisions)) if decisions.exists() else Vocabulary.built_in()
