"""The canonical stages and their order."""

from enum import StrEnum
from typing import Final


class Stage(StrEnum):
    """A canonical stage. Its value is its text; stages are ordered like the rounds.

    Equality and hash are those of the text: a `Stage` finds a `str` key, and psycopg binds it as text.
    Only stages compare with stages: `Stage.SEED < "growth"` raises TypeError instead of comparing texts.
    """

    PRE_SEED = "pre-seed"
    SEED = "seed"
    SERIES_A = "series-a"
    SERIES_B = "series-b"
    SERIES_C = "series-c"
    SERIES_C_PLUS = "series-c+"

    @property
    def rank(self) -> int:
        """Return the position in the order of rounds, 0 for pre-seed."""
        return CANONICAL_STAGES.index(self)

    # All four: StrEnum inherits them from str, and any that stays would compare texts.
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
    # Not NotImplemented: Python would then compare the texts with str.
    if not isinstance(other, Stage):
        raise TypeError(f"a Stage can be compared with stages only, not with {type(other).__name__}")
    return other.rank
