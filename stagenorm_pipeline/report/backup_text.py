"""A backup that was made or checked, and what a restore would do, as text for a terminal. Pure."""

from collections.abc import Mapping

from stagenorm_pipeline.engine.backup import BackupAge
from stagenorm_pipeline.engine.backup_file import Manifest
from stagenorm_pipeline.engine.backup_restore import RestorePreview
from stagenorm_pipeline.report.escape import for_terminal
from stagenorm_pipeline.report.rollback_text import enforced_lines, row_text

_STATES: Mapping[str, str] = {
    "same": "hold what they held then",
    "restorable": "hold what normalizing gives: would be restored",
    "changed": "hold something else, which somebody wrote: left",
    "null": "have no stage any more: left",
    "gone": "are deleted: left",
}
_SHOWN = 10


def manifest_text(manifest: Manifest, sha256: str) -> str:
    """What is in a backup, by target, and its checksum."""
    lines = [
        f"Made {manifest.made_at:%Y-%m-%d %H:%M:%S %Z} by {for_terminal(manifest.made_by)} from the database "
        f"{for_terminal(manifest.database)}, PostgreSQL {for_terminal(manifest.server_version)}, "
        f"at {for_terminal(manifest.wal_position)}, with stagenorm {for_terminal(manifest.code_version)}"
    ]
    lines += [f"  {target.rows:>12,} rows of {for_terminal(target.name)}" for target in manifest.targets]
    lines.append(f"  SHA-256 of the content: {for_terminal(sha256)}")
    return "\n".join(lines)


def restore_text(preview: RestorePreview) -> str:
    """The rows of a backup by what they hold now, with a few of those that differ, and what to think of first."""
    lines = [manifest_text(preview.manifest, preview.sha256)]
    if preview.manifest.database != preview.database:
        lines.append(f"It is a backup of another database: this one is {for_terminal(preview.database)}.")
    if preview.changes_since:
        since = preview.manifest.made_at.isoformat(" ")
        lines += [
            f"The audit log has {preview.changes_since:,} changes since then, and knows who wrote what.",
            f"The file does not: while the log is there, the better way back is stagenorm rollback --since '{since}'",
        ]
    lines.append("Rows of the backup, and what they hold now:")
    for state, words in _STATES.items():
        count = preview.counts.get(state, 0)
        if count:
            lines.append(f"  {count:,} {words}")
            shown = [row_text(row) for row in preview.examples if row.state == state][:_SHOWN]
            lines += shown
            lines += [f"      and {count - len(shown):,} more"] if shown and count > len(shown) else []
    return "\n".join([*lines, *enforced_lines(preview.enforced)])


def reminder(ages: tuple[BackupAge, ...]) -> str | None:
    """What to say before a run; None where every target has a recent backup."""
    stale = [age for age in ages if not age.is_recent]
    if not stale:
        return None
    names = ", ".join(for_terminal(age.target) for age in stale)
    made = [age.made_at for age in stale if age.made_at is not None]
    newest = f"the newest is of {min(made):%Y-%m-%d %H:%M %Z}" if len(made) == len(stale) else "none is recorded"
    return f"No recent backup of {names}: {newest}. `stagenorm backup` makes one."
