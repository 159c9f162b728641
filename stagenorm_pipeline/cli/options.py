"""Options that several commands share: funds and tables, the pace of an apply, the batch size."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from stagenorm_pipeline.config.parallel import MOST_SESSIONS
from stagenorm_pipeline.config.presets import DEFAULT_PRESET, PRESETS
from stagenorm_pipeline.errors import ConfigurationError

if TYPE_CHECKING:
    from stagenorm_pipeline.config.configuration import TargetSetting
    from stagenorm_pipeline.service.applying import Pace
    from stagenorm_pipeline.service.context import ServiceContext
    from stagenorm_pipeline.service.selecting import Selection

F = TypeVar("F", bound=Callable[..., Any])

# Rows; "auto": small batches, of which a transaction takes as many as half a second allows; None: the default.
BatchSize = int | Literal["auto"] | None

_DEFAULT_SLEEP_MS = PRESETS[DEFAULT_PRESET].sleep_ms

_TABLE_HELP = "One target only: a table, schema.table or schema.table.column."


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeOptions:
    """What `--fund-id`, `--no-fund` and `--table` say."""

    fund_id: str | None = None
    no_fund: bool = False
    table: str | None = None

    def __post_init__(self) -> None:
        if self.fund_id is not None and self.no_fund:
            raise ConfigurationError("--fund-id and --no-fund exclude each other.", remedy="Give one of them.")

    def targets(self, context: ServiceContext) -> tuple[TargetSetting, ...]:
        """Return the targets that `--table` names. Raises ConfigurationError if it names none."""
        return context.targets(self.table)

    def target_names(self, context: ServiceContext) -> str:
        """Return the names of the targets for a person; not yet escaped."""
        return ", ".join(target.name for target in self.targets(context))

    def select(self, context: ServiceContext) -> Selection:
        """Look the fund up in the database. Raises ConfigurationError for a fund or table that does not exist.

        A database without rows without a fund is no error: the command says so and continues.
        """
        from stagenorm_pipeline.service.selecting import select

        selection = select(context, table=self.table, fund=self.fund_id, without_fund=self.no_fund)
        if selection.has_no_rows:
            click.echo("There are no rows without a fund.", err=True)
        return selection

    def arguments(self) -> list[str]:
        """Return the options as a shell takes them, to show the next command."""
        arguments = [f"--fund-id {shlex.quote(self.fund_id)}"] if self.fund_id is not None else []
        arguments += ["--no-fund"] if self.no_fund else []
        return arguments + ([f"--table {shlex.quote(self.table)}"] if self.table else [])


def table_option(command: F) -> F:
    """Add `--table`, as the argument `table`."""
    return click.option("--table", help=_TABLE_HELP, shell_complete=_known_tables)(command)


def scope_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add `--fund-id`, `--no-fund` and `--table`, as the argument `chosen`."""

    @click.option("--fund-id", help="One fund only, by its id (12) or its key (fund-12).")
    @click.option("--no-fund", is_flag=True, help="Only the rows without a fund.")
    @table_option
    @wraps(command)
    def with_scope(*arguments: Any, fund_id: str | None, no_fund: bool, table: str | None, **options: Any) -> None:
        command(*arguments, chosen=ScopeOptions(fund_id=fund_id, no_fund=no_fund, table=table), **options)

    return with_scope


def _parallel_option(command: F) -> F:
    return click.option(
        "--parallel",
        type=click.IntRange(1, MOST_SESSIONS),
        default=1,
        show_default=True,
        help="Database sessions that apply batches at once.",
    )(command)


def _sleep_option(command: F) -> F:
    return click.option(
        "--sleep-ms",
        type=click.IntRange(0, 600_000),
        default=_DEFAULT_SLEEP_MS,
        show_default=True,
        help="Pause after a batch.",
    )(command)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedPaceOptions:
    """What `--parallel` and `--sleep-ms` say about a run that is only planned."""

    parallel: int
    sleep_ms: int

    def pace(self, batch_size: BatchSize) -> Pace:
        """Return the pace of the run."""
        from stagenorm_pipeline.service.applying import Pace

        return Pace(sleep_ms=self.sleep_ms, parallel=self.parallel, is_auto=batch_size == "auto")

    def arguments(self) -> list[str]:
        """Return the options that are not the default, as a shell takes them."""
        sleep = [f"--sleep-ms {self.sleep_ms}"] if self.sleep_ms != _DEFAULT_SLEEP_MS else []
        return [*sleep, *([f"--parallel {self.parallel}"] if self.parallel > 1 else [])]


def planned_pace_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add `--parallel` and `--sleep-ms`, as the argument `pace`."""

    @_parallel_option
    @_sleep_option
    @wraps(command)
    def with_pace(*arguments: Any, parallel: int, sleep_ms: int, **options: Any) -> None:
        command(*arguments, pace=PlannedPaceOptions(parallel=parallel, sleep_ms=sleep_ms), **options)

    return with_pace


@dataclass(frozen=True, slots=True, kw_only=True)
class PaceOptions:
    """What `--parallel`, `--sleep-ms`, `--max-lag-seconds` and `--no-lag-check` say."""

    parallel: int
    sleep_ms: int
    max_lag_seconds: float | None
    no_lag_check: bool


def pace_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add `--parallel`, `--sleep-ms`, `--max-lag-seconds` and `--no-lag-check`, as the argument `pace`."""

    @click.option("--no-lag-check", is_flag=True, help="Do not wait for replicas.")
    @click.option(
        "--max-lag-seconds",
        type=click.FloatRange(0, min_open=True),
        help="Wait while a replica is further behind.  [default: 10]",
    )
    @_parallel_option
    @_sleep_option
    @wraps(command)
    def with_pace(
        *arguments: Any,
        parallel: int,
        sleep_ms: int,
        max_lag_seconds: float | None,
        no_lag_check: bool,
        **options: Any,
    ) -> None:
        pace = PaceOptions(
            parallel=parallel, sleep_ms=sleep_ms, max_lag_seconds=max_lag_seconds, no_lag_check=no_lag_check
        )
        command(*arguments, pace=pace, **options)

    return with_pace


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitOptions:
    """What `--canary`, `--max-rows`, `--until` and `--exclude-fund` say."""

    canary: int | None
    max_rows: int | None
    until: str | None
    exclude_funds: tuple[str, ...]

    @property
    def are_given(self) -> bool:
        return bool(self.exclude_funds) or (self.canary, self.max_rows, self.until) != (None, None, None)


def limit_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add `--canary`, `--max-rows`, `--until` and `--exclude-fund`, as the argument `limits`."""

    @click.option("--exclude-fund", "exclude_funds", multiple=True, help="Leave this fund out. Repeatable.")
    @click.option("--until", metavar="HH:MM", help="Start no batch after this time, by this machine's clock.")
    @click.option("--max-rows", type=click.IntRange(1), help="Start no batch after this many rows.")
    @click.option(
        "--canary",
        type=click.IntRange(1),
        metavar="ROWS",
        help="First apply this many rows across funds and check them; then continue or stop.",
    )
    @wraps(command)
    def with_limits(
        *arguments: Any,
        canary: int | None,
        max_rows: int | None,
        until: str | None,
        exclude_funds: tuple[str, ...],
        **options: Any,
    ) -> None:
        limits = LimitOptions(canary=canary, max_rows=max_rows, until=until, exclude_funds=exclude_funds)
        command(*arguments, limits=limits, **options)

    return with_limits


def full_option(command: F) -> F:
    """Add `--full`, as the argument `full`."""
    return click.option("--full", is_flag=True, help="Show all tables, in a pager on a terminal.")(command)


def batch_size_option(command: F) -> F:
    """Add `--batch-size`, as the argument `batch_size`."""
    words = "Most rows that one batch changes; auto: what half a second takes.  [default: 5000]"
    return click.option("--batch-size", type=_read_batch_size, metavar="[ROWS|auto]", help=words)(command)


def _read_batch_size(text: str) -> BatchSize:
    if text == "auto":
        return "auto"
    try:
        return int(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is neither a number of rows nor auto.") from None


def _known_tables(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001
    """Complete `--table` in a shell. Errors are not shown there."""
    from stagenorm_pipeline.config.configuration import load_configuration

    try:
        names = [target.name for target in load_configuration().targets]
    except ConfigurationError:
        return []
    return [name for name in names if name.startswith(incomplete)]
