"""The `[verify]` settings: how many rows other sessions may change before a verification fails."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifySettings:
    """A percentage of the rows and a number of rows. The larger of the two is allowed."""

    changes_by_other_sessions_percent: int = 5
    changes_by_other_sessions_rows: int = 20

    def allowed_of(self, rows: int) -> int:
        """Return how many of `rows` other sessions may change."""
        return max(rows * self.changes_by_other_sessions_percent // 100, self.changes_by_other_sessions_rows)
