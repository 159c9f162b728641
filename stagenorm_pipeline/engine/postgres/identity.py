"""Who works: the names that batches and the audit log keep. For people; no guarantee rests on them."""

import getpass
import os
import socket


def worker_name(way_in: str) -> str:
    """Host, process and way in (`cli`, `dagster run ...`)."""
    return f"{socket.gethostname()}:{os.getpid()} {way_in}"


def user_name() -> str:
    """user@host."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user id without a name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
