"""Compute the progress of each fund over all targets, for the charts and the short Markdown of the asset page."""

from collections.abc import Sequence
from dataclasses import dataclass

from stagenorm_pipeline.engine.inventory.inventory import RowCounts
from stagenorm_pipeline.engine.verify.result import FundBreakdown
from stagenorm_pipeline.report.number_formats import number
from stagenorm_pipeline.report.wording import fund_name


@dataclass(frozen=True, slots=True, kw_only=True)
class FundProgress:
    """The rows of a fund that have a stage, and the canonical ones now and before. `name` comes from the data."""

    name: str
    canonical: int
    canonical_before: int
    with_stage: int

    @property
    def left(self) -> int:
        return self.with_stage - self.canonical

    @property
    def share(self) -> float:
        return self.canonical / self.with_stage if self.with_stage else 1

    @property
    def share_before(self) -> float:
        """The share of today's rows, at most 1."""
        return min(1, self.canonical_before / self.with_stage) if self.with_stage else 0

    @property
    def percent(self) -> int:
        """Rounded down: 100 means every row."""
        return self.canonical * 100 // self.with_stage if self.with_stage else 100

    @property
    def progress_text(self) -> str:
        return f"{number(self.canonical)} of {number(self.with_stage)} canonical ({self.percent} %)"


def fund_progress(funds: Sequence[FundBreakdown]) -> tuple[FundProgress, ...]:
    """List every fund that has rows now, those with most rows left first."""
    now: dict[str | None, RowCounts] = {}
    before: dict[str | None, int] = {}
    for fund in funds:
        if fund.after is not None:
            now[fund.fund_id] = now.get(fund.fund_id, RowCounts()) + fund.after
        if fund.before is not None:
            before[fund.fund_id] = before.get(fund.fund_id, 0) + fund.before.rows_canonical
    progress = (
        FundProgress(
            name=fund_name(fund_id),
            canonical=counts.rows_canonical,
            canonical_before=before.get(fund_id, 0),
            with_stage=counts.rows_seen - counts.rows_null,
        )
        for fund_id, counts in now.items()
    )
    return tuple(sorted(progress, key=lambda fund: (-fund.left, -fund.with_stage)))
