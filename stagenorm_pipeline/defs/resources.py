"""What the assets work with: the application's database, and what the user configured. Opened and read when used.

Neither has a field for the launchpad: a URL in Dagster's configuration would be stored and shown with its password, and
which tables are meant must not differ between a plan and its runs.
"""

import os

import dagster as dg
from pydantic import PrivateAttr

from stagenorm_pipeline.config.configuration import Configuration, load_configuration
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.errors import ConfigurationError
from stagenorm_pipeline.vocabulary import Vocabulary, load_decisions


class ApplicationDatabase(dg.ConfigurableResource[Database]):
    """The PostgreSQL database with the application's tables, which the environment variable DATABASE_URL names."""

    _database: Database | None = PrivateAttr(default=None)

    def open(self) -> Database:
        """The database; connects at its first transaction. Raises ConfigurationError when no URL is there.

        Read here and not as a dg.EnvVar: one that is not set fails before there is a run, with a stack trace alone.
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
    """Which tables are normalized (stagenorm.toml, or the two default ones), and what each spelling means."""

    def configuration(self) -> Configuration:
        """Read anew at each call. Raises ConfigurationError."""
        return load_configuration()

    def vocabulary(self) -> Vocabulary:
        """The built-in aliases and the reviewed decisions, where there are any. Raises DecisionsError."""
        decisions = self.configuration().decisions
        return Vocabulary.with_decisions(load_decisions(decisions)) if decisions.exists() else Vocabulary.built_in()
