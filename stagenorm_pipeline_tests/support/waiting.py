"""Waiting for something that another process brings about."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_PATIENCE_S = 30.0


def wait_until(look: Callable[[], T | None]) -> T:
    """The first value of `look` that counts as true."""
    deadline = time.monotonic() + _PATIENCE_S
    while not (value := look()):
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.02)
    return value
