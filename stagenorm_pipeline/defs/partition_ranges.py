"""Which runs cover a choice of funds: a run takes a range of neighbouring partitions, and at most so many."""

from collections.abc import Collection, Sequence
from itertools import groupby
from typing import NamedTuple


class FundRange(NamedTuple):
    """A range of partition keys, both ends in it."""

    first: str
    last: str


def fund_ranges(partitions: Sequence[str], wanted: Collection[str], at_most: int) -> list[FundRange]:
    """Ranges of at most `at_most` keys that hold every wanted one of `partitions` and no other, in their order.

    A run of Dagster's cannot hold keys that are not neighbours; a backfill from its pages is cut in the same way.
    """
    ranges = []
    for is_wanted, neighbours in groupby(partitions, key=lambda key: key in wanted):
        keys = list(neighbours)
        if is_wanted:
            starts = range(0, len(keys), at_most)
            ranges += [FundRange(keys[start], keys[min(start + at_most, len(keys)) - 1]) for start in starts]
    return ranges
