"""Read how many rows stagenorm moved from and to each canonical stage, from the audit log. Judges nothing."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stagenorm_pipeline.engine.postgres.planner_hints import by_hashing
from stagenorm_pipeline.engine.targets.target import Target
from stagenorm_pipeline.engine.verify.snapshot import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class LogMove:
    """Rows of a fund that moved from one canonical stage to another. None: from or to no canonical stage.

    `first_at`: when the first of their log entries was written.
    """

    fund_id: str | None
    first_at: datetime
    rows: int
    taken_from: str | None
    given_to: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogMoves:
    """The moves of one target, and the number of rows that its log entries name."""

    moves: tuple[LogMove, ...] = ()
    rows_named: int = 0


def moves_of_one_plan(rows: Iterable[Any]) -> dict[str, LogMoves]:
    """Return the moves of each target. One plan changes each row at most once, so each entry names another row."""
    found: dict[str, list[LogMove]] = {}
    for row in rows:
        found.setdefault(row.target, []).append(_move(row, row.audit_rows))
    return {
        target: LogMoves(moves=tuple(moves), rows_named=sum(move.rows for move in moves))
        for target, moves in found.items()
    }


def read_moves_by_row(snapshot: Snapshot, target: Target) -> LogMoves:
    """Read the moves of a target from the log of several plans, in which a row may have several entries."""
    with by_hashing(snapshot.connection):
        rows = snapshot.rows("verify/log_moves_by_row", target.identity())
    return LogMoves(
        moves=tuple(_move(row, row.entries) for row in rows), rows_named=sum(row.rows_named for row in rows)
    )


def _move(row: Any, rows: int) -> LogMove:
    return LogMove(
        fund_id=row.fund_id, first_at=row.first_at, rows=rows, taken_from=row.taken_from, given_to=row.given_to
    )
