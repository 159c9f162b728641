"""Write docs/commands.md from the help of the commands: `python -m stagenorm_pipeline_tests.support.commands_page`."""

from collections import Counter
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path

import click

from stagenorm_pipeline.cli.main import main

PAGE = Path(__file__).parents[2] / "docs" / "commands.md"

# An option with the same help in so many commands is described once, at the top of the page.
_SHARED_BY = 3
_OPENING = """\
# Commands

`make docs` writes this page from `stagenorm COMMAND --help`.
Exit codes: 0 done, 1 the work or a check failed, 2 wrong arguments.
"""

_Option = tuple[str, str]


def commands_page() -> str:
    """Return the whole page as Markdown."""
    contexts = list(_contexts(main, click.Context(main, info_name="stagenorm")))
    used_by = Counter(option for context in contexts for option in _options(context))
    shared = {option for option, commands in used_by.items() if commands >= _SHARED_BY}
    lines = [_OPENING, "## Shared options", ""]
    lines += ["Before or after any command:", "", *map(_item, _options(contexts[0])), ""]
    lines += ["Of the commands that name them:", "", *map(_item, sorted(shared)), ""]
    for context in contexts[1:]:
        lines += _section(context, shared)
    return "\n".join(lines).rstrip() + "\n"


def _contexts(command: click.Command, context: click.Context) -> Iterator[click.Context]:
    """The command's context, then those of its subcommands, depth first."""
    yield context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _contexts(inner, click.Context(inner, parent=context, info_name=name))


def _options(context: click.Context) -> list[_Option]:
    records = [
        parameter.get_help_record(context)
        for parameter in context.command.params
        if isinstance(parameter, click.Option) and not parameter.is_eager
    ]
    return [record for record in records if record is not None]


def _section(context: click.Context, shared: set[_Option]) -> Iterator[str]:
    path = context.command_path.removeprefix("stagenorm ")
    text, examples = _description(context.command)
    yield from (f"## {path}", "", text, "")
    if examples:
        yield from ("```", *examples, "```", "")
    options = _options(context)
    own = [option for option in options if option not in shared]
    if own:
        yield from (*map(_item, own), "")
    if len(own) < len(options):
        names = ", ".join(f"`{option[0].split()[0]}`" for option in options if option in shared)
        yield from (f"Also {names}.", "")


def _description(command: click.Command) -> tuple[str, list[str]]:
    """The paragraphs of a docstring, and its lines that keep their form: the examples."""
    paragraphs = cleandoc(command.help or "").split("\n\n")
    texts = [" ".join(paragraph.split()) for paragraph in paragraphs if not paragraph.startswith("\b")]
    kept = [line for paragraph in paragraphs if paragraph.startswith("\b") for line in paragraph.splitlines()[1:]]
    return "\n\n".join(texts), [line.strip() for line in kept if line.strip() != "Examples:"]


def _item(option: _Option) -> str:
    return f"- `{option[0]}` {' '.join(option[1].split())}"


if __name__ == "__main__":
    PAGE.write_text(commands_page(), encoding="utf-8")
