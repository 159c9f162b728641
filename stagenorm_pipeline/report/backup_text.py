"""Describe a backup as text for a terminal."""

from stagenorm_pipeline.engine.backup.backup import BackupAge
from stagenorm_pipeline.engine.backup.backup_file import Manifest
from stagenorm_pipeline.report.escape import for_terminal
from stagenorm_pipeline.report.tables import Name
from stagenorm_pipeline.report.terminal_layout import PLAIN, Screen, facts, text_of, wrapped


def manifest_text(manifest: Manifest, sha256: str, screen: Screen = PLAIN) -> str:
    """List what is in a backup, by target, with its checksum."""
    made = (
        f"Made {manifest.made_at:%Y-%m-%d %H:%M:%S %Z} by {for_terminal(manifest.made_by)} from the database "
        f"{for_terminal(manifest.database)}, PostgreSQL {for_terminal(manifest.server_version)}, "
        f"at {for_terminal(manifest.wal_position)}, with stagenorm {for_terminal(manifest.code_version)}"
    )
    rows = (f"  {target.rows:>12,} rows of {for_terminal(target.name)}" for target in manifest.targets)
    return text_of((*wrapped(made, screen), *rows, *facts((("SHA-256 of the content", Name(text=sha256)),), screen)))


def reminder(ages: tuple[BackupAge, ...]) -> str | None:
    """Remind of a backup before a run. None if every target has a recent one."""
    stale = [age for age in ages if not age.is_recent]
    if not stale:
        return None
    names = ", ".join(for_terminal(age.target) for age in stale)
    made = [age.made_at for age in stale if age.made_at is not None]
    newest = f"the newest was made at {min(made):%Y-%m-%d %H:%M %Z}" if len(made) == len(stale) else "none is recorded"
    return f"No recent backup of {names}: {newest}. Make one: stagenorm backup"
