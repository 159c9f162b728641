"""How long a transaction of `--batch-size auto` should take, and how many rows it may have: part of `[throttle]`."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import ConfigDict, Field

# What a plan's batches hold for auto pacing: the least that a transaction can take, and the step by which it grows.
AUTO_BATCH_ROWS = 500
# Each batch takes an advisory lock, and a session's share of the server's lock table is 64 (max_locks_per_transaction).
MAX_GROUP_SIZE = 40
_MAX_ROWS = AUTO_BATCH_ROWS * MAX_GROUP_SIZE


@dataclass(frozen=True, kw_only=True)
class Pacing:
    """The target of `--batch-size auto`: `target_ms` milliseconds and at most `max_rows` rows for one transaction."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    target_ms: Annotated[
        int, Field(ge=10, le=60_000, strict=True, description="a whole number of milliseconds from 10 to 60,000")
    ] = 500
    max_rows: Annotated[
        int,
        Field(
            ge=AUTO_BATCH_ROWS,
            le=_MAX_ROWS,
            strict=True,
            description=f"a whole number of rows from {AUTO_BATCH_ROWS:,} to {_MAX_ROWS:,}",
        ),
    ] = _MAX_ROWS
