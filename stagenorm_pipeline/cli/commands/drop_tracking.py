"""`stagenorm drop-tracking`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from stagenorm_pipeline.cli.live_display import showing_reading
from stagenorm_pipeline.cli.outputs import LONGEST_NAME
from stagenorm_pipeline.cli.screen import screen, show, tell
from stagenorm_pipeline.report.escape import for_terminal
from stagenorm_pipeline.report.tracking_text import tracking_text
from stagenorm_pipeline.service import setting_up
from stagenorm_pipeline.service.context import open_service


@click.command("drop-tracking")
@click.option("--with-log", is_flag=True, help="Remove the audit log too. Without it no change can be undone.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Export to this new file.  [default: stagenorm-tracking-<time>.sql.gz]",
)
@click.option("--yes", is_flag=True, help="Do it. Without this, show what would be removed.")
def command(with_log: bool, output: Path | None, yes: bool) -> None:
    """Export stagenorm's own tables to a file and drop them. The audit log is kept.

    Refused while a plan is open. Needs the owner of the tables. The export is a gzip'ed script for psql, which loads
    it after `stagenorm init-db`.

    \b
    Examples:
      stagenorm drop-tracking            what would be removed, how large it is
      stagenorm drop-tracking --yes
      stagenorm drop-tracking --with-log --output archive.sql.gz --yes
    """
    with open_service(interface="cli") as context:
        if not yes:
            tables = setting_up.read_tracking_tables(context, with_log=with_log)
            show(tracking_text(tables, screen()))
            if tables.open_plans:
                tell(f"Refused while plan {tables.open_plans[0]} is open.")
            tell("Nothing was dropped. Add --yes to export and drop them.")
            return
        path = output or Path(f"stagenorm-tracking-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.sql.gz")
        with showing_reading("Exporting"):
            tables = setting_up.drop_tracking(context, export=path, with_log=with_log)
    tell(f"Exported to {for_terminal(str(path), limit=LONGEST_NAME)} ({path.stat().st_size:,} bytes).")
    tell(f"Dropped {len(tables.removed):,} tables and {len(tables.views):,} views.")
