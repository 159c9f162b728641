"""Render HTML pages from jinja2 templates: escaped by default, in one file, without network."""

from base64 import b64encode
from functools import cache
from hashlib import sha256
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from stagenorm_pipeline.report.escape import for_html, sentence_for_html, sentence_for_terminal
from stagenorm_pipeline.report.number_formats import number
from stagenorm_pipeline.report.tables import Cell, Name, Spelling, Table, figure, shown_of

VALUE_SHOWN: Final = 120


@cache
def templates(directory: str) -> Environment:
    """Return the templates of a directory of this package.

    Filters: `cell` shows a cell of a table, `sentence` a sentence that may quote the data, `command` a command line,
    `number` a count, `count_columns` which columns of a table hold counts, `shown_of` how many rows a list shows.
    """
    environment = Environment(
        loader=PackageLoader("stagenorm_pipeline.report", directory),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["count_columns"] = count_columns
    environment.filters.update(
        cell=cell_for_html, sentence=sentence_for_html, number=number, command=sentence_for_terminal, shown_of=shown_of
    )
    return environment


def read_source(directory: str, name: str) -> Markup:
    """Read a style sheet or a script of the package. It holds nothing from the data, so it is not escaped."""
    environment = templates(directory)
    assert environment.loader is not None  # noqa: S101 - for the type checker
    return Markup(environment.loader.get_source(environment, name)[0])  # noqa: S704


def content_policy(style: str, script: str | None = None) -> str:
    """Return the content security policy of a page that has one style sheet, perhaps one script, and nothing else."""
    scripts = "" if script is None else f"script-src {_source_hash(script)}; "
    return f"default-src 'none'; style-src {_source_hash(style)}; {scripts}base-uri 'none'; form-action 'none'"


def _source_hash(source: str) -> str:
    return f"'sha256-{b64encode(sha256(source.encode()).digest()).decode('ascii')}'"


def count_columns(table: Table) -> list[bool]:
    """Say of each column whether it holds only counts."""
    return [table.is_numeric(column) for column in range(len(table.headings))]


def cell_for_html(cell: Cell) -> Markup | str:
    """Show a cell of a table."""
    match cell:
        case Spelling(text=text):
            return "NULL" if text is None else for_html(text, quote=True, limit=VALUE_SHOWN)
        case Name(text=text):
            return for_html(text, limit=VALUE_SHOWN)
        case str():
            return sentence_for_html(cell)
        case _:
            return figure(cell)


def render(directory: str, name: str, **values: Any) -> str:
    """Render a template of a directory."""
    return templates(directory).get_template(name).render(**values)
