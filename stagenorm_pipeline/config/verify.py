"""How much other sessions may change before a verification fails: `[verify]` in stagenorm.toml."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import ConfigDict, Field

_MOST_ROWS = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifySettings:
    """The larger of the two bounds counts: a percentage of the rows, or a number of rows."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    changes_by_other_sessions_percent: Annotated[
        int, Field(ge=0, le=100, strict=True, description="a whole number from 0 to 100")
    ] = 5
    changes_by_other_sessions_rows: Annotated[
        int, Field(ge=0, le=_MOST_ROWS, strict=True, description=f"a whole number from 0 to {_MOST_ROWS:,}")
    ] = 20

    def allowed_of(self, rows: int) -> int:
        """Return how many of `rows` other sessions may have changed."""
        return max(rows * self.changes_by_other_sessions_percent // 100, self.changes_by_other_sessions_rows)
