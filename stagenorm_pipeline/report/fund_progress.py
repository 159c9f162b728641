"""How far each fund is, all targets together: what the pictures and the short Markdown of the asset page show."""

from collections.abc import Sequence
from dataclasses import dataclass

from stagenorm_pipeline.engine.inventory.inventory import RowCounts
from stagenorm_pipeline.engine.verify.result import FundBreakdown
from stagenorm_pipeline.report.tables import number
from stagenorm_pipeline.report.wording import fund_name


@dataclass(frozen=True, slots=True, kw_only=True)
class FundProgress:
    """A fund's rows with a stage, canonical ones among them, now and before. `name` comes from the data."""

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
        """Of the rows of today; no more than all of them, however many there were."""
        return min(1, self.canonical_before / self.with_stage) if self.with_stage else 0

    @property
    def percent(self) -> int:
        """Rounded down: 100 means all."""
        return self.canonical * 100 // self.with_stage if self.with_stage else 100

    @property
    def said(self) -> str:
        return f"{number(self.canonical)} of {number(self.with_stage)} canonical ({self.percent} %)"


def fund_progress(funds: Sequence[FundBreakdown]) -> tuple[FundProgress, ...]:
    """Every fund that has rows now, those with most rows left first."""
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
