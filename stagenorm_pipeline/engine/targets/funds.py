"""Fund keys, the scope of a command (all funds, one fund, rows without a fund), and the order of funds in lists."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from psycopg import sql

from stagenorm_pipeline.errors import ConfigurationError

NO_FUND_KEY = "no-fund"
_PREFIX = "fund-"


def fund_key(fund_id: str | None) -> str:
    """Return the fund's key: `fund-<fund_id>`, or `no-fund`.

    Characters that break Dagster's partition selection are percent-encoded: commas, spaces, and three dots in a row,
    which it reads as a range.
    """
    return NO_FUND_KEY if fund_id is None else _PREFIX + quote(fund_id, safe="+:@").replace("...", "%2E%2E%2E")


def fund_id_of(key: str) -> str | None:
    """Return the fund id of a key; None for `no-fund`. Raises ConfigurationError for anything that is no fund key."""
    if key == NO_FUND_KEY:
        return None
    if not key.startswith(_PREFIX):
        raise ConfigurationError(f"{key!r} is not a fund key.", remedy="Write fund-<fund_id> or no-fund.")
    return unquote(key.removeprefix(_PREFIX))


@dataclass(frozen=True, slots=True, kw_only=True)
class FundScope:
    """All funds, one fund, or the rows without a fund (`all_funds` false and `fund_id` None)."""

    all_funds: bool = True
    fund_id: str | None = None

    @classmethod
    def one(cls, fund_id: str | None) -> "FundScope":
        return cls(all_funds=False, fund_id=fund_id)

    @property
    def label(self) -> str:
        return "all funds" if self.all_funds else fund_key(self.fund_id)

    def condition(self, fund: sql.Composable) -> sql.Composable:
        """Return the scope as a condition on the SQL expression `fund` (of type text). It may bind `fund_id`."""
        if self.all_funds:
            return sql.SQL("TRUE")
        return (sql.SQL("{} IS NULL") if self.fund_id is None else sql.SQL("{} = %(fund_id)s")).format(fund)

    def as_json(self) -> dict[str, Any]:
        return {"all_funds": True} if self.all_funds else {"all_funds": False, "fund_id": self.fund_id}


def fund_order(fund_id: str | None) -> tuple[int, int, str]:
    """Return a sort key: numbers by value, then names, then the rows without a fund."""
    if fund_id is None:
        return (2, 0, "")
    is_number = fund_id.isascii() and fund_id.isdigit() and len(fund_id) < 19
    return (0, int(fund_id), "") if is_number else (1, 0, fund_id)
