"""Options that every command takes, before or after its name: `--color`, `--quiet`, `--verbose`, `--demo`.

`stagenorm --help` lists them. The help of a command does not repeat them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import click

_KEY = f"{__name__}.settings"


class Color(StrEnum):
    """When colours are shown. `AUTO`: on a terminal, unless NO_COLOR is set."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalSettings:
    """What the global options say."""

    color: Color = Color.AUTO
    quiet: bool = False
    verbose: bool = False
    demo: bool = False


def settings() -> GlobalSettings:
    """Return what the global options of the current command say."""
    context = click.get_current_context(silent=True)
    return GlobalSettings() if context is None else context.meta.get(_KEY, GlobalSettings())


def color_choice() -> Color:
    """Return when colours are shown."""
    return settings().color


def is_quiet() -> bool:
    """Whether only results, warnings and errors are written."""
    return settings().quiet


def is_verbose() -> bool:
    """Whether every batch gets a line on a terminal, and every error the place where it was raised."""
    return settings().verbose


def accept_global_options(command: click.Command, *, hidden: bool) -> click.Command:
    """Let a command, and the commands below it, take the global options."""
    names = {name for parameter in command.params for name in parameter.opts}
    if "--quiet" not in names:
        command.params.extend(_options(hidden=hidden))
        for below in getattr(command, "commands", {}).values():
            accept_global_options(below, hidden=True)
    return command


def use_demo_if_asked(context: click.Context) -> None:
    """Set DATABASE_URL to the demo's database while the command works, if `--demo` was given."""
    if settings().demo and not context.resilient_parsing:
        context.find_root().with_resource(_demo_database())


def _options(*, hidden: bool) -> Iterator[click.Option]:
    yield click.Option(
        ["--color"],
        type=click.Choice([color.value for color in Color]),
        help="When to use colours.  [default: auto]",
        **_kept("color", hidden=hidden),
    )
    yield click.Option(
        ["--quiet", "-q"],
        is_flag=True,
        help="Print only results, warnings and errors.",
        **_kept("quiet", hidden=hidden),
    )
    yield click.Option(
        ["--verbose", "-v"],
        is_flag=True,
        help="Print a line for each batch, and where errors come from.",
        **_kept("verbose", hidden=hidden),
    )
    yield click.Option(
        ["--demo"],
        is_flag=True,
        help="Work on the database of `stagenorm demo`.",
        **_kept("demo", hidden=hidden),
    )


def _kept(name: str, *, hidden: bool) -> dict[str, Any]:
    def keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:  # noqa: ARG001 - click's signature
        if not value:
            return
        kept = Color(value) if name == "color" else value
        context.meta[_KEY] = replace(context.meta.get(_KEY, GlobalSettings()), **{name: kept})
        # The program's own option is handled when the program starts: see `main`.
        if name == "demo" and context.parent is not None:
            use_demo_if_asked(context)

    return {"callback": keep, "expose_value": False, "hidden": hidden}


@contextmanager
def _demo_database() -> Iterator[None]:
    from stagenorm_pipeline.config.environment import DATABASE_URL
    from stagenorm_pipeline.local.demo_database import demo_database

    before = os.environ.get(DATABASE_URL)
    with demo_database() as url:
        os.environ[DATABASE_URL] = url
        try:
            yield
        finally:
            os.environ.pop(DATABASE_URL)
            if before is not None:
                os.environ[DATABASE_URL] = before
