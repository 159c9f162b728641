"""The canonical stages and their order. How a spelling becomes one of them belongs to `vocabulary`."""

from enum import StrEnum
from typing import Final


class Stage(StrEnum):
    """A canonical stage: its text is its value, its order is that of the rounds.

    Equality and hash are those of the text, so a `Stage` finds a `str` key and is bound as text by a driver.
    Only stages are ordered: `Stage.SEED < "growth"` raises TypeError, where text would answer something.
    """

    PRE_SEED = "pre-seed"
    SEED = "seed"
    SERIES_A = "series-a"
    SERIES_B = "series-b"
    SERIES_C = "series-c"
    SERIES_C_PLUS = "series-c+"

    @property
    def rank(self) -> int:
        """The place in the order of rounds, 0 for pre-seed."""
        return CANONICAL_STAGES.index(self)

    # StrEnum inherits all four from str; overriding fewer would leave the rest comparing text.
    def __lt__(self, other: str) -> bool:
        return self.rank < _rank_of(other)

    def __le__(self, other: str) -> bool:
        return self.rank <= _rank_of(other)

    def __gt__(self, other: str) -> bool:
        return self.rank > _rank_of(other)

    def __ge__(self, other: str) -> bool:
        return self.rank >= _rank_of(other)


CANONICAL_STAGES: Final[tuple[Stage, ...]] = tuple(Stage)


def _rank_of(other: str) -> int:
    # Not NotImplemented: Python would then ask str, which compares the text and answers.
    if not isinstance(other, Stage):
        raise TypeError(f"a Stage is ordered among stages only, not against {type(other).__name__}")
    return other.rank
