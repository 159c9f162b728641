"""What the assets work with: the application's database, and what the user configured. Opened and read when used."""

import os
from pathlib import Path

import dagster as dg
from pydantic import Field, PrivateAttr

from stagenorm_pipeline.engine.configuration import Configuration, load_configuration
from stagenorm_pipeline.engine.connection import Database
from stagenorm_pipeline.engine.errors import ConfigurationError
from stagenorm_pipeline.vocabulary import Vocabulary, load_decisions


class ApplicationDatabase(dg.ConfigurableResource[Database]):
    """The PostgreSQL database that holds the application's tables."""

    # The variable's name and not its value: a URL in Dagster's configuration is stored and shown with its password,
    # and an EnvVar that is not set fails before the run exists, with nothing but a stack trace.
    url_variable: str = Field(
        default="DATABASE_URL",
        description="Name of the environment variable that holds the database's URL, "
        "postgresql://USER:PASSWORD@HOST:5432/DATABASE. Never the URL itself: it may hold a password.",
    )

    _database: Database | None = PrivateAttr(default=None)

    def open(self) -> Database:
        """The database; connects at its first transaction. Raises ConfigurationError when no URL is there."""
        if self._database is None:
            url = os.environ.get(self.url_variable, "")
            if not url.strip():
                raise ConfigurationError(
                    f"The environment variable {self.url_variable} is not set for Dagster's processes.",
                    remedy=f"Set {self.url_variable} to postgresql://USER:PASSWORD@HOST:5432/DATABASE "
                    "where Dagster is started, and start it again.",
                )
            self._database = Database.at(url, application_name="stagenorm dagster")
        return self._database

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:  # noqa: ARG002 - Dagster's signature
        if self._database is not None:
            self._database.close()
            self._database = None


class NormalizationSettings(dg.ConfigurableResource["NormalizationSettings"]):
    """Which tables are normalized, and what each spelling means."""

    config_file: str | None = Field(
        default=None,
        description="Path of the configuration file. Empty: the file that STAGENORM_CONFIG names, else stagenorm.toml "
        "where Dagster was started, else the two default tables.",
    )

    def configuration(self) -> Configuration:
        """Read anew at each call. Raises ConfigurationError."""
        return load_configuration(Path(self.config_file) if self.config_file else None)

    def vocabulary(self) -> Vocabulary:
        """The built-in aliases and the reviewed decisions, where there are any. Raises DecisionsError."""
        decisions = self.configuration().decisions
        return Vocabulary.with_decisions(load_decisions(decisions)) if decisions.exists() else Vocabulary.built_in()
