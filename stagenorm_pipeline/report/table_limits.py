"""Limit how many rows each table of a report shows."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many rows of each kind of table a format shows. Counts are exact in any case."""

    stages: int
    funds: int
    findings: int
    spellings: int
    sample: int
    plans: int
