"""The limits of the schedule `nightly_run`: `[nightly]` in stagenorm.toml."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import ConfigDict, Field

from stagenorm_pipeline.config.limits import UNTIL_PATTERN, Funds
from stagenorm_pipeline.config.values import PositiveWholeNumber


@dataclass(frozen=True, kw_only=True)
class NightlySection:
    """`[nightly]`: the limits of the schedule `nightly_run`."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    canary: PositiveWholeNumber | None = None
    max_rows: PositiveWholeNumber | None = None
    until: Annotated[str, Field(pattern=UNTIL_PATTERN, description='a time in quotes, such as "05:00"')] | None = None
    exclude_funds: Funds = ()
