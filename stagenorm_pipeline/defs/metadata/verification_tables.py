"""The tables of a verification's page: rows by stage and by fund. Dagster shows them natively."""

import dagster as dg

from stagenorm_pipeline.engine.verify.result import VerificationResult
from stagenorm_pipeline.report.escape import sentence_for_terminal
from stagenorm_pipeline.report.fund_progress import fund_progress

_FUNDS_LISTED = 20


def stages_table(result: VerificationResult) -> dg.MetadataValue:
    """Return the rows by stage over all targets, before and now."""
    totals: dict[str, list[int | None]] = {}
    for rows in result.stages:
        total = totals.setdefault(rows.stage, [0, 0])
        # If one target has no baseline, the sum over all is not known.
        for place, count in enumerate((rows.before, rows.after)):
            so_far = total[place]
            total[place] = None if so_far is None or count is None else so_far + count
    records = [
        {"stage": stage, "before": _shown(before), "now": _shown(now)} for stage, (before, now) in totals.items()
    ]
    return _table(records)


def funds_table(result: VerificationResult) -> dg.MetadataValue:
    """Return how many rows of each fund are canonical, the fund with most rows left first."""
    progress = fund_progress(result.funds)
    records = [
        {
            "fund": sentence_for_terminal(fund.name),
            "canonical": f"{fund.percent} %",
            "not canonical": f"{fund.left:,}",
        }
        for fund in progress[:_FUNDS_LISTED]
    ]
    if len(progress) > _FUNDS_LISTED:
        rest = progress[_FUNDS_LISTED:]
        records.append(
            {"fund": f"{len(rest):,} more", "canonical": "", "not canonical": f"{sum(fund.left for fund in rest):,}"}
        )
    return _table(records)


def _table(records: list[dict[str, str]]) -> dg.MetadataValue:
    if not records:
        return dg.MetadataValue.text("no rows")
    return dg.MetadataValue.table([dg.TableRecord(record) for record in records])


def _shown(count: int | None) -> str:
    return "not known" if count is None else f"{count:,}"
