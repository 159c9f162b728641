"""Split a selection of funds into runs. A Dagster run covers one range of neighbouring partitions."""

from collections.abc import Collection, Sequence
from itertools import groupby
from typing import NamedTuple


class PartitionRange(NamedTuple):
    """A range of partition keys, both ends included."""

    first: str
    last: str


def partition_ranges(partitions: Sequence[str], wanted: Collection[str], at_most: int) -> list[PartitionRange]:
    """Return ranges of at most `at_most` keys that cover every wanted key of `partitions` and no other.

    A Dagster backfill splits its selection in the same way.
    """
    ranges = []
    for is_wanted, neighbours in groupby(partitions, key=lambda key: key in wanted):
        keys = list(neighbours)
        if is_wanted:
            starts = range(0, len(keys), at_most)
            ranges += [PartitionRange(keys[start], keys[min(start + at_most, len(keys)) - 1]) for start in starts]
    return ranges
