"""Back up keys, funds and stages of the targets to a file, and check such a file."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from stagenorm_pipeline.config.settings import TargetSetting
from stagenorm_pipeline.engine.backup import backup as backups
from stagenorm_pipeline.engine.backup.backup import Backup, BackupAge, read_backup_ages
from stagenorm_pipeline.engine.backup.backup_file import BackupReader, check_backup
from stagenorm_pipeline.engine.targets.target import resolve_targets
from stagenorm_pipeline.service.context import ServiceContext
from stagenorm_pipeline.service.selecting import Selection


def make_backup(context: ServiceContext, *, selection: Selection, path: Path, stream: BinaryIO | None = None) -> Backup:
    """Back up the targets to `path`, all from one snapshot, and record that it was done.

    `stream`: write there instead and close it; `path` is then only its name.
    """
    context.require_writable()
    return backups.make_backup(context.database, selection.targets, path, made_by=context.user, stream=stream)


def read_ages(context: ServiceContext, *, targets: tuple[TargetSetting, ...]) -> tuple[BackupAge, ...]:
    """Read how old the newest backup of each target is."""
    with context.database.snapshot() as connection:
        return read_backup_ages(connection, resolve_targets(connection, targets))


def check_file(path: Path) -> BackupReader:
    """Read a backup from its first to its last byte. Raises BackupError if it is damaged. Needs no database."""
    return check_backup(path)
