"""Throttle while too many WAL files wait for the archiver: they fill the disk, and backups fall behind."""

from stagenorm_pipeline.config.throttle import ThrottlerName, ThrottleSettings
from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.engine.throttle.hysteresis import Hysteresis
from stagenorm_pipeline.engine.throttle.probe import ArchiveHidden, ArchiveOff, ArchiveWaiting, Reading
from stagenorm_pipeline.engine.throttle.throttler import CannotSeeError


class ArchiveBacklog:
    """Compare the number of WAL files that wait to be archived with the bound."""

    name = ThrottlerName.ARCHIVE_BACKLOG
    is_required = False

    def __init__(self, settings: ThrottleSettings) -> None:
        self._files = Hysteresis(settings.max_archive_backlog)

    def reason(self, reading: Reading, table: str) -> str | None:  # noqa: ARG002 - WAL has no table
        match reading.archive:
            case ArchiveOff():
                return None
            case ArchiveHidden():
                raise CannotSeeError(
                    "this server archives its WAL, but this role may not see how many files wait for it",
                    'GRANT pg_monitor to this role, or add "archive_backlog" to ignore in [throttle]',
                )
            case ArchiveWaiting(files=files):
                if not self._files.update(files):
                    return None
                verb = "waits" if files == 1 else "wait"
                return (
                    f"{counted(files, 'WAL file')} {verb} to be archived; "
                    f"continues below {self._files.continue_below:g} (pg_stat_archiver shows failures)"
                )

    def close(self) -> None:
        """Nothing to close."""
