"""How much one run applies: a canary, a budget, and funds that it leaves out. Also `[apply]`."""

import re
from dataclasses import dataclass
from datetime import time
from typing import Annotated

from pydantic import ConfigDict, Field

from stagenorm_pipeline.config.values import Name
from stagenorm_pipeline.errors import ConfigurationError

UNTIL_PATTERN = r"^([01]\d|2[0-3]):[0-5]\d$"

Funds = Annotated[tuple[Name, ...], Field(description="a list of funds, each as its id or fund-<fund_id>, in quotes")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one run applies. None: no limit.

    `canary_rows`: apply whole batches until they have so many rows, check them, then go on or stop. `max_rows`: start
    no batch once the batches of the run have so many rows. `until`: start no batch after this time of this machine's
    clock. `exclude_funds`: as users name funds.
    """

    canary_rows: int | None = None
    max_rows: int | None = None
    until: time | None = None
    exclude_funds: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ApplySection:
    """`[apply]`: funds that no run changes."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    protected_funds: Funds = ()


def parse_until(text: str) -> time:
    """Read a time such as `05:00`. Raises ConfigurationError."""
    if not re.match(UNTIL_PATTERN, text):
        raise ConfigurationError(f"{text!r} is not a time of day.", remedy="Write it like 05:00.")
    return time.fromisoformat(text)
