"""Guards: queries of your own that throttle or stop a run, `[[guard]]` in stagenorm.toml."""

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

from stagenorm_pipeline.errors import ConfigurationError

BOUND_PATTERN = r"^\s*(>=|<=|>|<)\s*(-?\d+(?:\.\d+)?)\s*$"
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardBound:
    """A bound such as `> 80`."""

    comparison: str
    number: float

    @classmethod
    def parse(cls, text: str) -> "GuardBound":
        """Parse `> 80`. Raises ConfigurationError for anything else."""
        found = re.match(BOUND_PATTERN, text)
        if found is None:
            raise ConfigurationError(f"{text!r} is not a bound.", remedy='Write it as "> 80", "<= 0.8" or the like.')
        return cls(comparison=found[1], number=float(found[2]))

    def is_met_by(self, value: float) -> bool:
        return _COMPARISONS[self.comparison](value, self.number)

    def __str__(self) -> str:
        return f"{self.comparison} {self.number:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardSettings:
    """One guard: a query for one number, and the bounds at which a run waits or stops.

    Raises ConfigurationError for a guard without a bound.
    """

    name: str
    query: str
    throttle_if: GuardBound | None = None
    stop_if: GuardBound | None = None
    timeout_ms: int = 500

    def __post_init__(self) -> None:
        if self.throttle_if is None and self.stop_if is None:
            raise ConfigurationError(
                f"The guard {self.name!r} has no bound.", remedy='Add throttle_if = "> 80", stop_if = "> 95", or both.'
            )
