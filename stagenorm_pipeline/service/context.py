"""What every operation of the service needs: the database, the configuration, the vocabulary, and who asks.

One context is open for as long as a command, a Dagster run or a Python caller works.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from stagenorm_pipeline.config.configuration import Configuration, TargetSetting, load_configuration
from stagenorm_pipeline.config.environment import DATABASE_URL, read_environment
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.identity import user_name, worker_name
from stagenorm_pipeline.errors import ConfigurationError

if TYPE_CHECKING:
    from stagenorm_pipeline.vocabulary import Vocabulary


@dataclass(frozen=True, kw_only=True)
class ServiceContext:
    """An open database with the configuration, and the user who asks.

    `user` and `interface` (`cli`, `dagster run ...`, `python`) are recorded with plans, batches and audit rows.
    """

    database: Database
    configuration: Configuration
    interface: str
    user: str = field(default_factory=user_name)
    _vocabulary: Vocabulary | None = field(default=None, repr=False)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The built-in aliases and the reviewed decisions. Raises VocabularyError for a broken decisions file.

        Read at the first use: commands that do not need it work with a broken decisions file.
        """
        return self._vocabulary or load_vocabulary(self.configuration)

    @property
    def runner(self) -> str:
        """The name under which this process applies batches."""
        return worker_name(self.interface)

    def targets(self, table: str | None = None) -> tuple[TargetSetting, ...]:
        """Return the configured targets that `table` names; all of them for None. Raises ConfigurationError."""
        return self.configuration.select(table)

    def require_writable(self) -> None:
        """Raise ReadOnlyServerError if nothing can be recorded here. Called before a long read."""
        from stagenorm_pipeline.engine.preflight.checks.read_only_server import require_writable

        require_writable(self.database)

    def close(self) -> None:
        """Close every connection. The next transaction opens a new one."""
        self.database.close()


@contextmanager
def open_service(
    *,
    interface: str,
    application_name: str = "stagenorm",
    database_url: str | None = None,
    configuration: Configuration | None = None,
    with_vocabulary: bool = False,
) -> Iterator[ServiceContext]:
    """Open a context and close its connections at the end. Parameters as for `open_context`."""
    context = open_context(
        interface=interface,
        application_name=application_name,
        database_url=database_url,
        configuration=configuration,
        with_vocabulary=with_vocabulary,
    )
    try:
        yield context
    finally:
        context.close()


def open_context(
    *,
    interface: str,
    application_name: str = "stagenorm",
    database_url: str | None = None,
    configuration: Configuration | None = None,
    user: str | None = None,
    with_vocabulary: bool = False,
) -> ServiceContext:
    """Open a context; the first transaction connects.

    `database_url` None: DATABASE_URL. `configuration` None: stagenorm.toml and the environment. `application_name`:
    what pg_stat_activity shows. `user`: who asks; None: the operating-system user. `with_vocabulary`: read the
    decisions file now, so that an error in it comes first.

    Raises ConfigurationError if there is no URL, it is not PostgreSQL's, or stagenorm.toml is wrong; VocabularyError
    for a broken decisions file.
    """
    configuration = load_configuration() if configuration is None else configuration
    vocabulary = load_vocabulary(configuration) if with_vocabulary else None
    url = require_database_url() if database_url is None else database_url
    database = Database.at(url, application_name=application_name, tracking_schema=configuration.tracking_schema)
    return ServiceContext(
        database=database,
        configuration=configuration,
        interface=interface,
        user=user_name() if user is None else user,
        _vocabulary=vocabulary,
    )


def require_database_url(environment: Mapping[str, str] | None = None) -> str:
    """Read DATABASE_URL. Raises ConfigurationError if it is missing or empty."""
    url = read_environment(os.environ if environment is None else environment).database_url
    if url is None:
        raise ConfigurationError(
            f"{DATABASE_URL} is not set.",
            remedy=f"Set it where you start stagenorm or Dagster: export {DATABASE_URL}=postgresql://USER:PASSWORD@HOST:"
            "5432/DATABASE. To try stagenorm without a database: stagenorm demo",
        )
    return url


def load_vocabulary(configuration: Configuration) -> Vocabulary:
    """Load the built-in aliases and the reviewed decisions. Raises VocabularyError for a broken decisions file."""
    from stagenorm_pipeline.vocabulary import Vocabulary, load_decisions

    path = configuration.decisions
    return Vocabulary.with_decisions(load_decisions(path)) if path.exists() else Vocabulary.built_in()
