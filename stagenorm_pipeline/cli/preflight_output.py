"""Show what the preflight checks found, before anything is recorded or changed."""

from __future__ import annotations

import os
import sys

import click

from stagenorm_pipeline.cli import exit_codes
from stagenorm_pipeline.cli.log_lines import show_finding
from stagenorm_pipeline.cli.screen import has_live_display, tell
from stagenorm_pipeline.config.configuration import TargetSetting
from stagenorm_pipeline.engine.preflight.finding import PreflightLevel
from stagenorm_pipeline.report.json_document import document_json, preflight_document
from stagenorm_pipeline.service import preflight
from stagenorm_pipeline.service.context import ServiceContext


def show_missing_migration(context: ServiceContext) -> None:
    """Show which migration a run would need. For commands that only read, which work without the tracking tables."""
    if error := preflight.find_missing_migration(context):
        for line in f"Before a run: {error}".splitlines():
            tell(line, err=True)


def require_ready(context: ServiceContext, targets: tuple[TargetSetting, ...]) -> None:
    """Show the findings, and end the command with 1 if one is an error.

    Where a run is summed up on one screen, what is merely good to know is left to `stagenorm preflight`.
    """
    _show(
        preflight.check_ready(context, targets=targets, dagster_url=_dagster_url()), with_notes=not has_live_display()
    )


def show_findings(context: ServiceContext, targets: tuple[TargetSetting, ...]) -> bool:
    """Show the findings and return whether there are any. Ends the command with 1 if one is an error."""
    return _show(preflight.run_checks(context, targets=targets, dagster_url=_dagster_url()), with_notes=True)


def show_findings_json(context: ServiceContext, targets: tuple[TargetSetting, ...]) -> None:
    """Write the findings as one JSON document. Ends the command with 1 if one is an error."""
    result = preflight.run_checks(context, targets=targets, dagster_url=_dagster_url())
    click.echo(document_json(preflight_document(result.findings)), nl=False)
    if result.errors:
        sys.exit(exit_codes.FAILED)


def _show(result: preflight.PreflightResult, *, with_notes: bool) -> bool:
    for finding in result.findings:
        if with_notes or finding.level is not PreflightLevel.INFO:
            show_finding(finding)
    if result.errors:
        sys.exit(exit_codes.FAILED)
    return bool(result.findings)


def _dagster_url() -> str | None:
    """Return the URL of Dagster's database; None if the environment does not name it."""
    return os.environ.get("STAGENORM_DAGSTER_URL", "").strip() or None
