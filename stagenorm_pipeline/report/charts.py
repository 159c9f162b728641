"""Compute the charts of a verification report. Each answers a question, and its title is the answer.

A chart is a table with bars, so that everybody can read its numbers. Each format draws the bars in its own way.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.engine.verify.result import FundBreakdown, VerificationResult
from stagenorm_pipeline.report.fund_progress import fund_progress
from stagenorm_pipeline.report.number_formats import number
from stagenorm_pipeline.report.tables import Change, Difference, Name, Spelling, Table, shown_of
from stagenorm_pipeline.report.verification_tables import spellings_with_rows, stage_totals, suggested

FUNDS_DRAWN: Final = 15
SPELLINGS_DRAWN: Final = 10
# What is not one of the canonical stages, as the engine names it in VerificationResult.stages.
OTHER: Final = ("other", "NULL")


@dataclass(frozen=True, slots=True, kw_only=True)
class BarChart:
    """A table with bars behind the column `bar_column`.

    `bars`: for each row the length of its bars, from 0 to 1; none where a bar would say nothing.
    """

    table: Table
    bars: tuple[tuple[float, ...], ...]
    bar_heading: str
    bar_column: int

    @property
    def title(self) -> str:
        return self.table.title


def stages_chart(result: VerificationResult) -> BarChart:
    """Draw the rows of each canonical stage before and now. Other rows have no bar: it would dwarf the stages."""
    totals = stage_totals(result)
    counts = [count or 0 for stage, total in totals.items() if stage not in OTHER for count in _both(total)]
    longest = max(counts, default=0)
    rows = tuple(
        ("not canonical" if stage == "other" else stage, *_both(total), _difference(total))
        for stage, total in totals.items()
    )
    bars = tuple(
        () if stage in OTHER else tuple(_share(count, longest) for count in _both(total))
        for stage, total in totals.items()
    )
    headings = ("Stage", "Before", "Now", "Difference")
    table = Table(title=_stages_title(totals), headings=headings, rows=rows, total=len(rows), unit="stages")
    return BarChart(table=table, bars=bars, bar_heading="Before, now", bar_column=2)


def _stages_title(totals: Mapping[str, Change]) -> str:
    canonical = [total for stage, total in totals.items() if stage not in OTHER]
    now = sum(total.now or 0 for total in canonical)
    if any(total.before is None for total in canonical):
        return f"{counted(now, 'row')} on canonical stages now; not known before"
    before = sum(total.before or 0 for total in canonical)
    return f"Rows on canonical stages: {number(before)} before, {number(now)} now"


def funds_chart(funds: Sequence[FundBreakdown]) -> BarChart:
    """Draw the funds that have rows left to make canonical, most first. No rows if no fund has any."""
    progress = [fund for fund in fund_progress(funds) if fund.left]
    drawn = progress[: shown_of(len(progress), FUNDS_DRAWN)]
    left = sum(fund.left for fund in progress)
    table = Table(
        title=f"{counted(left, 'row')} left in {counted(len(progress), 'fund')}" if left else "No fund has rows left",
        headings=("Fund", "Rows left", "Of rows with a stage", "Canonical"),
        rows=tuple((Name(text=fund.name), fund.left, fund.with_stage, f"{fund.percent}%") for fund in drawn),
        total=len(progress),
        unit="funds",
        first="funds with most rows left",
    )
    bars = tuple((_share(fund.left, drawn[0].left),) for fund in drawn)
    return BarChart(table=table, bars=bars, bar_heading="Left", bar_column=1)


def unknown_chart(result: VerificationResult, limit: int) -> BarChart:
    """Draw the unknown spellings, most rows first, with the cumulative share of the undecided rows.

    The title says how few decisions settle most of the rows.
    """
    found = spellings_with_rows(result.unknown)
    drawn = found[: shown_of(result.unknown_spellings, limit)]
    undecided = result.counts.rows_unknown
    rows, together = [], 0
    for one in drawn:
        together += one.rows
        share = f"{_percent(together, undecided)}%"
        rows.append((Spelling(text=one.text), one.rows, share, suggested(one.suggestions), one.funds, one.targets))
    table = Table(
        title=_unknown_title(result, [one.rows for one in found[:SPELLINGS_DRAWN]]),
        headings=("Spelling", "Rows", "Cumulative", "Suggestion", "Funds", "Target"),
        rows=tuple(rows),
        total=result.unknown_spellings,
        unit="unknown spellings",
    )
    bars = tuple((_share(one.rows, found[0].rows),) for one in drawn)
    return BarChart(table=table, bars=bars, bar_heading="Rows of each", bar_column=1)


def _unknown_title(result: VerificationResult, rows_of_first: Sequence[int]) -> str:
    total, undecided = result.unknown_spellings, result.counts.rows_unknown
    if total <= SPELLINGS_DRAWN:
        return f"{counted(total, 'unknown spelling')} to decide, in {counted(undecided, 'row')}"
    return (
        f"{len(rows_of_first)} of {number(total)} unknown spellings are {_percent(sum(rows_of_first), undecided)}% "
        f"of the {number(undecided)} undecided rows"
    )


def _both(total: Change) -> tuple[int | None, int | None]:
    return total.before, total.now


def _difference(total: Change) -> Difference:
    is_known = total.before is not None and total.now is not None
    return Difference(count=(total.now or 0) - (total.before or 0) if is_known else None)


def _share(count: int | None, longest: int) -> float:
    return (count or 0) / longest if longest else 0


def _percent(part: int, whole: int) -> int:
    """Return a percentage, rounded down: 100 means all."""
    return min(100, part * 100 // whole) if whole else 100
