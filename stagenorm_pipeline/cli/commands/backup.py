"""`stagenorm backup`, and under it `verify`."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path

import click

from stagenorm_pipeline.cli.live_display import showing_reading
from stagenorm_pipeline.cli.options import ScopeOptions, table_option
from stagenorm_pipeline.cli.outputs import LONGEST_NAME, STDOUT, StandardOutput, read_output_place, standard_output
from stagenorm_pipeline.cli.screen import screen, show, tell, tell_command
from stagenorm_pipeline.report.backup_text import manifest_text
from stagenorm_pipeline.report.escape import for_terminal
from stagenorm_pipeline.report.shell_words import shell_word
from stagenorm_pipeline.service import backing_up
from stagenorm_pipeline.service.context import open_service


@click.group("backup", invoke_without_command=True)
@table_option
@click.option(
    "--output", metavar="PATH", help="The file; - is standard output.  [default: stagenorm-backup-<time>.sql.gz]"
)
@click.pass_context
def command(context: click.Context, table: str | None, output: str | None) -> None:
    """Save keys, funds and stages of the targets to a file, all from one snapshot, with checksums.

    Only you can read the file, and it never replaces another one. It is a gzip'ed script for psql, which loads it
    without stagenorm.

    \b
    Examples:
      stagenorm backup
      stagenorm backup --output /backups/stages.sql.gz
      stagenorm backup verify /backups/stages.sql.gz     is it undamaged?
      stagenorm backup --output - | ssh vault 'cat > stages.sql.gz'
    """
    if context.invoked_subcommand is not None:
        return
    place = read_output_place(_default_name() if output is None else output)
    is_stream = isinstance(place, StandardOutput)
    path = Path(STDOUT) if isinstance(place, StandardOutput) else place
    with standard_output(is_reserved=is_stream) as stream:
        with open_service(interface="cli") as service:
            selection = ScopeOptions(table=table).select(service)
            with showing_reading("Saving"):
                raw = os.fdopen(os.dup(stream.fileno()), "wb") if is_stream else None
                backup = backing_up.make_backup(service, selection=selection, path=path, stream=raw)
        show(manifest_text(backup.manifest, backup.sha256, screen()))
        name = "standard output" if is_stream else for_terminal(str(path), limit=LONGEST_NAME)
        tell(f"Written to {name} ({backup.size:,} bytes)")
        tell("Check it on the machine that keeps it.")
        tell_command("Next:", f"stagenorm backup verify {'FILE' if is_stream else shell_word(str(path))}")


@command.command("verify")
@click.argument("file", type=click.Path(path_type=Path))
def verify(file: Path) -> None:
    """Read a backup from its first to its last byte and compare it with its checksums. Needs no database."""
    with showing_reading("Checking"):
        reader = backing_up.check_file(file)
    show(manifest_text(reader.manifest, reader.sha256, screen()))
    click.echo("Whole and undamaged.")


def _default_name() -> str:
    """Name a file by the time, and number it if there is a backup of this second."""
    name = f"stagenorm-backup-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    names = (f"{name}{number}.sql.gz" for number in chain([""], (f"-{place}" for place in count(2))))
    return next(free for free in names if not Path(free).exists())
