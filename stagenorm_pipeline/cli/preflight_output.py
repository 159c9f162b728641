"""What stands in the way of the work, shown before anything is recorded or changed."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from stagenorm_pipeline.cli import exit_codes

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from stagenorm_pipeline.cli.scope_options import Work
    from stagenorm_pipeline.engine.postgres.connection import Database


def say_what_is_missing(connection: Connection) -> None:
    """For commands that only look, and so work without our tables: which migration a run would need."""
    from stagenorm_pipeline.engine.postgres.migrations import require_migrations
    from stagenorm_pipeline.errors import MissingMigrationError

    try:
        require_migrations(connection)
    except MissingMigrationError as error:
        click.echo(f"Before a run: {error}", err=True)


def require_ready(database: Database, work: Work) -> None:
    """Before anything is recorded or changed. What is missing altogether is one error, not a list of findings."""
    from stagenorm_pipeline.engine.postgres.migrations import require_migrations
    from stagenorm_pipeline.engine.targets.target import resolve_targets

    with database.snapshot() as connection:
        require_migrations(connection)
        resolve_targets(connection, work.targets)
    show_findings(database, work)


def show_findings(database: Database, work: Work) -> bool:
    """Show what pre-flight finds; whether it found anything. An error ends the command."""
    from stagenorm_pipeline.cli.log_lines import show_finding
    from stagenorm_pipeline.engine.preflight import PreflightLevel, run_preflight

    dagster_url = os.environ.get("STAGENORM_DAGSTER_URL", "").strip() or None
    findings = run_preflight(database, work.targets, dagster_url=dagster_url)
    for finding in findings:
        show_finding(finding)
    if any(finding.level is PreflightLevel.ERROR for finding in findings):
        sys.exit(exit_codes.FAILED)
    return bool(findings)
