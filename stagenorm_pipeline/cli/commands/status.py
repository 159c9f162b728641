"""`stagenorm status`: once, or repeatedly until nothing is open."""

from __future__ import annotations

import json
import sys
import time
from functools import partial

import click

from stagenorm_pipeline.cli import exit_codes
from stagenorm_pipeline.cli.global_options import is_quiet
from stagenorm_pipeline.cli.live_display import redrawing
from stagenorm_pipeline.cli.log_lines import say
from stagenorm_pipeline.cli.options import full_option
from stagenorm_pipeline.cli.screen import is_screen, page, screen, show
from stagenorm_pipeline.engine.monitor.status import Status
from stagenorm_pipeline.report.status_text import status_json, status_line, status_summary, status_text
from stagenorm_pipeline.service.context import ServiceContext, open_service
from stagenorm_pipeline.service.monitoring import read_status


@click.command("status")
@click.option("--watch", is_flag=True, help="Show it until no plan is open, or Ctrl-C.")
@click.option(
    "--interval", type=click.FloatRange(0.2, 3_600), default=2, show_default=True, help="Seconds between two updates."
)
@full_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for a script; with --watch, one line per update.")
def command(watch: bool, interval: float, full: bool, as_json: bool) -> None:
    """Show the progress, the runners, what throttles them, what failed, and the next command.

    With --watch the exit code is 1 if failed batches are left at the end.

    \b
    Examples:
      stagenorm status
      stagenorm status --watch --interval 5
      stagenorm status --watch && stagenorm verify
      stagenorm status --json | jq .progress.completion_percent
    """
    with open_service(interface="cli") as context:
        if not watch:
            _show(read_status(context), full=full, as_json=as_json)
            return
        try:
            status = _watch(context, interval, as_json=as_json)
        except KeyboardInterrupt:
            return
    if status.progress["failed_batches"]:
        sys.exit(exit_codes.FAILED)


def _show(status: Status, *, full: bool, as_json: bool) -> None:
    if as_json:
        click.echo(status_json(status))
    elif is_quiet():
        show(status_line(status))
    elif full:
        page(status_text(status, screen()))
    else:
        show(status_summary(status, screen()))


def _watch(context: ServiceContext, interval: float, *, as_json: bool) -> Status:
    """Show the status until nothing is open. Returns the last one."""
    if not as_json and is_screen(sys.stdout):
        return _redraw(context, interval)
    while True:
        status = read_status(context)
        if as_json:
            click.echo(status_json(status, indent=None))
        else:
            say(status_line(status), **json.loads(status_json(status))["progress"])
        if not status.is_open:
            return status
        time.sleep(interval)


def _redraw(context: ServiceContext, interval: float) -> Status:
    with redrawing() as draw:
        while True:
            status = read_status(context)
            draw(partial(status_summary, status))
            if not status.is_open:
                return status
            time.sleep(interval)
