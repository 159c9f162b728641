"""Which part of the work a command is about: its fund and table options, the configuration, and the vocabulary."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import click

from stagenorm_pipeline.errors import ConfigurationError

if TYPE_CHECKING:
    from stagenorm_pipeline.config.settings import Configuration, TargetSetting
    from stagenorm_pipeline.engine.postgres.connection import Database
    from stagenorm_pipeline.engine.targets.funds import FundScope
    from stagenorm_pipeline.vocabulary import Vocabulary

F = TypeVar("F", bound=Callable[..., Any])

_TABLE_HELP = "One target only: a table, schema.table or schema.table.column."


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What the options that most commands share come to."""

    configuration: Configuration
    targets: tuple[TargetSetting, ...]
    scope: FundScope

    @property
    def names(self) -> str:
        """The targets, for a person; not yet escaped."""
        return ", ".join(target.name for target in self.targets)

    def with_known_fund(self, database: Database) -> Work:
        """The same about the fund that `--fund-id` means: `12` or `fund-12`.

        Raises ConfigurationError for a fund that does not exist. Rows without a fund may well be missing: that is only
        said.
        """
        from stagenorm_pipeline.engine.targets.fund_lookup import find_fund, is_known

        if self.scope.fund_id is not None:
            return replace(self, scope=find_fund(database, self.targets, self.scope.fund_id))
        if not self.scope.all_funds and not is_known(database, self.targets, self.scope):
            click.echo("There are no rows without a fund.", err=True)
        return self

    def vocabulary(self) -> Vocabulary:
        """The built-in aliases and the reviewed decisions. Raises VocabularyError for a broken decisions file."""
        from stagenorm_pipeline.vocabulary import Vocabulary, load_decisions

        path = self.configuration.decisions
        built_in = Vocabulary.built_in()
        return built_in.with_decisions(load_decisions(path)) if path.exists() else built_in


def table_option(command: F) -> F:
    """`--table`, as the argument `table`."""
    return click.option("--table", help=_TABLE_HELP, shell_complete=_known_tables)(command)


def _known_tables(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001
    """For a shell's completion, which is no place for errors."""
    from stagenorm_pipeline.config.settings import load_configuration

    try:
        names = [target.name for target in load_configuration().targets]
    except ConfigurationError:
        return []
    return [name for name in names if name.startswith(incomplete)]


def scope_options(command: F) -> F:
    """`--fund-id`, `--no-fund` and `--table`, as the arguments `fund_id`, `no_fund` and `table`."""
    for option in (
        table_option,
        click.option("--no-fund", is_flag=True, help="Only the rows without a fund."),
        click.option("--fund-id", help="One fund only, by its id (12) or its key (fund-12)."),
    ):
        command = option(command)
    return command


def read_work(fund_id: str | None = None, no_fund: bool = False, table: str | None = None) -> Work:
    """The configuration file and the options, put together. Raises ConfigurationError."""
    from stagenorm_pipeline.config.settings import load_configuration
    from stagenorm_pipeline.engine.targets.funds import FundScope

    if fund_id is not None and no_fund:
        raise ConfigurationError("--fund-id and --no-fund exclude each other.", remedy="Give one of them.")
    configuration = load_configuration()
    scope = FundScope.one(fund_id) if fund_id is not None or no_fund else FundScope()
    return Work(configuration=configuration, targets=configuration.select(table), scope=scope)
