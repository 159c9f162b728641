"""Make the web server wait until Dagster's storage is prepared. Both start at once, because their imports take seconds.

Without the lock, two processes would create the tables of a new storage at the same time.
"""

from pathlib import Path

from stagenorm_pipeline.local.file_lock import FileLock
from stagenorm_pipeline.local.home import home_directory


def instance_lock(home: Path) -> FileLock:
    """Return the lock of the home's Dagster storage. Hold it exclusively to prepare the storage."""
    return FileLock(home / "instance.lock")


def wait_for_instance() -> None:
    """Wait while another process prepares the storage of STAGENORM_HOME."""
    with instance_lock(home_directory()) as lock:
        lock.shared()
