"""The names of runners and users that batches and the audit log record. Only people read them."""

import getpass
import os
import socket


def worker_name(interface: str) -> str:
    """Return the name of this runner: host, process and interface (`cli`, `dagster run ...`)."""
    return f"{socket.gethostname()}:{os.getpid()} {interface}"


def user_name() -> str:
    """Return user@host."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # In a container the user id may have no name.
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
