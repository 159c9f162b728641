"""How much other sessions may change before a verification fails: `[verify]` in stagenorm.toml."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifySettings:
    """The larger of the two bounds counts: a percentage of the rows, or a number of rows."""

    changes_by_other_sessions_percent: int = 5
    changes_by_other_sessions_rows: int = 20

    def allowed_of(self, rows: int) -> int:
        """How many of `rows` other sessions may have changed."""
        return max(rows * self.changes_by_other_sessions_percent // 100, self.changes_by_other_sessions_rows)
