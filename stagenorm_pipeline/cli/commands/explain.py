"""`stagenorm explain`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

import click

from stagenorm_pipeline.cli.live_display import showing_reading
from stagenorm_pipeline.cli.options import table_option
from stagenorm_pipeline.cli.screen import page, screen
from stagenorm_pipeline.cli.sources import show_sources, sources_document
from stagenorm_pipeline.errors import ConfigurationError
from stagenorm_pipeline.report.explanation_text import (
    row_history_document,
    row_history_text,
    spelling_history_document,
    spelling_history_text,
)
from stagenorm_pipeline.report.json_document import document_json
from stagenorm_pipeline.service import explaining
from stagenorm_pipeline.service.context import open_service


@click.command("explain")
@click.argument("row_table", metavar="[TABLE", required=False)
@click.argument("row_id", metavar="ID]", required=False)
@click.option("--spelling", help="Explain a spelling, exactly as stored, instead of a row.")
@table_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for a script.")
def command(row_table: str | None, row_id: str | None, spelling: str | None, table: str | None, as_json: bool) -> None:
    """Explain one row or one spelling: what it was, what it became, why, by whom, and what happened since.

    It shows which alias or decision, plan and batch made each change, which verification and signature cover it, and
    what other sessions wrote since. It reads the whole audit log once.

    \b
    Examples:
      stagenorm explain portfoliocompanies 123
      stagenorm explain --spelling "Seed Round"
      stagenorm explain --spelling "Seed Round" --table portfoliocompanies
      stagenorm explain portfoliocompanies 123 --json | jq '.entries[].reason'
    """
    asked = _read_asked(row_table, row_id, spelling, table)
    with open_service(interface="cli") as context:
        match asked:
            case _Row():
                with showing_reading("Reading the audit log"):
                    row = explaining.explain_row(context, table=asked.table, row_id=asked.row_id)
                document, text = row_history_document(row), row_history_text(row, screen())
            case _Spelling():
                with showing_reading("Reading the audit log"):
                    found = explaining.explain_spelling(context, spelling=asked.spelling, table=asked.table)
                document, text = spelling_history_document(found), spelling_history_text(found, screen())
            case _:
                assert_never(asked)
        if as_json:
            click.echo(document_json({**document, **sources_document(context)}), nl=False)
        else:
            show_sources(context)
            page(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """`TABLE ID`."""

    table: str
    row_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spelling:
    """`--spelling`, with or without `--table`."""

    spelling: str
    table: str | None


def _read_asked(row_table: str | None, row_id: str | None, spelling: str | None, table: str | None) -> _Row | _Spelling:
    if spelling is not None and row_table is None:
        return _Spelling(spelling=spelling, table=table)
    if spelling is None and row_table is not None and row_id is not None and table is None:
        return _Row(table=row_table, row_id=row_id)
    raise ConfigurationError(
        "Give a table and the key of a row, or --spelling.",
        remedy='stagenorm explain portfoliocompanies 123, or stagenorm explain --spelling "Seed Round"',
    )
