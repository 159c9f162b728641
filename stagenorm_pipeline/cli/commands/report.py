"""`stagenorm report`."""

from __future__ import annotations

import sys

import click

from stagenorm_pipeline.cli import exit_codes
from stagenorm_pipeline.cli.options import full_option
from stagenorm_pipeline.cli.outputs import (
    Output,
    format_option,
    read_outputs,
    standard_output,
    tell_outputs,
    write_outputs,
)
from stagenorm_pipeline.cli.screen import page, screen, show, tell
from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.errors import ConfigurationError
from stagenorm_pipeline.report.json_document import document_json, verifications_document
from stagenorm_pipeline.report.recorded_verifications_text import verifications_text
from stagenorm_pipeline.report.terminal_text import verdict_text, verification_summary, verification_text
from stagenorm_pipeline.service import verifying
from stagenorm_pipeline.service.context import open_service

_MOST_DIGITS = 5


def _read_days(context: click.Context, parameter: click.Parameter, text: str | None) -> int | None:
    """Read a number of days, written `90d`."""
    if text is None:
        return None
    digits = text.removesuffix("d")
    if not (text.endswith("d") and digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS):
        raise click.BadParameter(f"{text!r} is not a number of days, as in 90d.", context, parameter)
    return int(digits)


@click.command("report")
@click.argument("verification_id", type=click.IntRange(1, 2**63 - 1), metavar="[ID]", required=False)
@click.option("--list", "is_list", is_flag=True, help="List the recorded verifications, newest first.")
@click.option("--prune", is_flag=True, help="Remove the stored reports of old verifications that are not signed.")
@click.option(
    "--keep",
    "keep_days",
    callback=_read_days,
    metavar="DAYS",
    help="With --prune: days to keep, for example 90d.",
)
@format_option
@click.option("--output", metavar="PATH", help="Write a file (.json, .html, .md, .txt) instead of printing.")
@full_option
@click.option("--json", "as_json", is_flag=True, help="The JSON report or, with --list, one JSON document.")
def command(
    verification_id: int | None,
    is_list: bool,
    prune: bool,
    keep_days: int | None,
    form: str | None,
    output: str | None,
    full: bool,
    as_json: bool,
) -> None:
    """Print the report of a recorded verification again. As JSON it is the original, byte for byte.

    Refused if the stored report is not the one whose SHA-256 was recorded with the verification.

    \b
    Examples:
      stagenorm report --list
      stagenorm report 12                as `stagenorm verify` printed it
      stagenorm report 12 --full         with all tables
      stagenorm report 12 --output report.json
      stagenorm report 12 --format html > report.html
      stagenorm report --prune --keep 90d
    """
    if prune or keep_days is not None:
        others = (verification_id is not None, is_list, form, output, full, as_json)
        if not prune or keep_days is None or any(others):
            raise ConfigurationError(
                "--prune and --keep go together, and with nothing else.",
                remedy="For example: stagenorm report --prune --keep 90d",
            )
        _prune(keep_days)
        return
    if is_list == (verification_id is not None) or (is_list and (form or output or full)):
        raise ConfigurationError(
            "Give the number of a verification, or --list, not both.",
            remedy="List them: stagenorm report --list",
        )
    if verification_id is None:
        _list(as_json=as_json)
        return
    form = "json" if as_json else form
    if form is None and output is None:
        _show(verification_id, full=full)
        return
    (place,) = read_outputs(() if output is None else (output,), form)
    if not _write_report(verification_id, place):
        sys.exit(exit_codes.FAILED)


def _show(number: int, *, full: bool) -> None:
    with open_service(interface="cli") as context:
        stored = verifying.read_report(context, number=number)
    result = stored.result
    if full:
        page(verification_text(result, sha256=stored.sha256, verification_id=number, screen=screen()))
    else:
        verdict = verdict_text(result, verification_id=number, screen=screen())
        show(f"{verification_summary(result, screen())}\n\n{verdict}")


def _list(*, as_json: bool) -> None:
    with open_service(interface="cli") as context:
        verifications = verifying.list_verifications(context)
    if as_json:
        click.echo(document_json(verifications_document(verifications)), nl=False)
    else:
        show(verifications_text(verifications, screen()))


def _prune(keep_days: int) -> None:
    with open_service(interface="cli") as context:
        pruned = verifying.prune_reports(context, keep_days=keep_days)
    tell(
        f"Removed {counted(pruned, 'stored report')} of unsigned verifications older than {counted(keep_days, 'day')}."
    )
    tell("Verdicts and SHA-256 stay in the list: stagenorm report --list")


def _write_report(verification_id: int, place: Output) -> bool:
    with open_service(interface="cli") as context:
        stored = verifying.read_report(context, number=verification_id)
    with standard_output(is_reserved=place.is_standard_output) as stream:
        return tell_outputs(write_outputs((place,), stored.text, stream), verification_id)
