"""`stagenorm plans`."""

from __future__ import annotations

import click

from stagenorm_pipeline.cli.screen import page, screen, show
from stagenorm_pipeline.errors import ConfigurationError
from stagenorm_pipeline.report.json_document import document_json
from stagenorm_pipeline.report.plans_text import (
    batches_csv,
    plan_list_document,
    plan_record_document,
    plan_record_text,
    plans_csv,
    plans_text,
)
from stagenorm_pipeline.service import planning
from stagenorm_pipeline.service.context import ServiceContext, open_service

_NEWEST = 15
_MOST = 1_000_000


@click.command("plans")
@click.argument("plan_id", type=click.IntRange(1, 2**63 - 1), metavar="[PLAN]", required=False)
@click.option("--all", "is_all", is_flag=True, help=f"Show all plans, not only the newest {_NEWEST}.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for a script.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, for a spreadsheet: the plans, or the batches of one.")
def command(plan_id: int | None, is_all: bool, as_json: bool, as_csv: bool) -> None:
    """List the plans, newest first, or show one: its targets, funds, spellings, batches and errors.

    \b
    Examples:
      stagenorm plans
      stagenorm plans 7
      stagenorm plans 7 --csv > batches.csv
      stagenorm plans --all --json | jq '.plans[] | [.plan_id, .status]'
    """
    if as_json and as_csv:
        raise ConfigurationError("--json and --csv exclude each other.", remedy="Give one of them.")
    with open_service(interface="cli") as context:
        if plan_id is None:
            _list(context, most=_MOST if is_all else _NEWEST, as_json=as_json, as_csv=as_csv)
        else:
            _show(context, plan_id, as_json=as_json, as_csv=as_csv)


def _list(context: ServiceContext, *, most: int, as_json: bool, as_csv: bool) -> None:
    plans = planning.list_plans(context, most=most)
    if as_json:
        click.echo(document_json(plan_list_document(plans)), nl=False)
    elif as_csv:
        click.echo(plans_csv(plans), nl=False)
    else:
        show(plans_text(plans, most, screen()))


def _show(context: ServiceContext, plan_id: int, *, as_json: bool, as_csv: bool) -> None:
    record = planning.read_plan_record(context, plan_id=plan_id)
    if as_json:
        click.echo(document_json(plan_record_document(record)), nl=False)
    elif as_csv:
        click.echo(batches_csv(record), nl=False)
    else:
        page(plan_record_text(record, screen()))
