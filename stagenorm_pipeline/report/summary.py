"""The summary of a report: Markdown so short that Dagster's asset page shows it without a click.

There is one entry each for the verdict, the stages and the funds. Charts are bars of characters, because an image as a
data: URI would be too long.
"""

from math import ceil
from typing import Final

from stagenorm_pipeline.engine.verify.result import Outcome, VerificationResult
from stagenorm_pipeline.report.charts import FUNDS_DRAWN, LABEL_SHOWN
from stagenorm_pipeline.report.escape import for_markdown, sentence_for_markdown
from stagenorm_pipeline.report.fund_progress import fund_progress
from stagenorm_pipeline.report.markdown_text import row
from stagenorm_pipeline.report.notes import notes
from stagenorm_pipeline.report.tables import figure, number
from stagenorm_pipeline.report.verification_tables import stage_totals
from stagenorm_pipeline.report.wording import (
    MARKS,
    OUTCOMES,
    rows_line,
    rule_name,
    verdict_line,
)

# Dagster's asset page (1.13.27) hides Markdown of this length, in UTF-16 units, behind a link.
SHOWN_AT_ONCE: Final = 1_000
# The lengths to which results and notes are cut. The first pair that is short enough is used. 0: left out.
_SHORTENINGS: Final = ((120, 240), (80, 160), (60, 120), (40, 120), (25, 90), (0, 60), (0, 0))
_BAR: Final = 12


def verdict_markdown(result: VerificationResult) -> str:
    """Write the verdict and the seven checks, short enough for Dagster's page to show without a click."""
    for length, note_length in _SHORTENINGS:
        found = (_shortened(note, note_length) for note in notes(result) if note_length)
        parts = (
            f"**{verdict_line(result)}**",
            f"Now {rows_line(result.counts)}.",
            *(f"> {MARKS[Outcome.WARNED]} {sentence_for_markdown(note)}" for note in found),
            _brief_checks(result, length),
        )
        page = "\n\n".join(parts)
        if _is_shown(page):
            break
    return page


def _brief_checks(result: VerificationResult, length: int) -> str:
    lines = ["| | Check | Found |", "|---|---|---|"]
    for check in result.checks:
        found = _shortened(check.summary, length) if length else OUTCOMES[check.outcome]
        lines.append(row((MARKS[check.outcome], rule_name(check.rule), sentence_for_markdown(found))))
    return "\n".join(lines)


def _shortened(sentence: str, length: int) -> str:
    return sentence if len(sentence) <= length else f"{sentence[: length - 1].rstrip()}…"


def stages_markdown(result: VerificationResult) -> str:
    """Write the rows by stage before and now with bars of characters, short enough to show without a click."""
    totals = stage_totals(result)
    longest = max((count or 0 for total in totals.values() for count in (total.before, total.now)), default=0)
    lines = ["| Stage | Before | | Now | |", "|---|---:|---|---:|---|"]
    for stage, total in totals.items():
        bars = [_bar(count / longest if count and longest else 0) for count in (total.before, total.now)]
        lines.append(row((stage, figure(total.before), bars[0], figure(total.now), bars[1])))
    return "\n".join(lines)


def funds_markdown(result: VerificationResult) -> str:
    """Write the progress of the funds with most rows left, as many as Dagster shows without a click.

    Names from the data are cut, so that one long name does not push out other funds.
    """
    progress = fund_progress(result.funds)
    if not progress:
        return "No fund has rows."
    for count in range(min(len(progress), FUNDS_DRAWN), 0, -1):
        lines = ["| Fund | Canonical | |", "|---|---:|---|"]
        lines += (
            row((for_markdown(fund.name, limit=LABEL_SHOWN), f"{fund.percent} %", _bar(fund.share, whole=True)))
            for fund in progress[:count]
        )
        rest = len(progress) - count
        lines += ["", f"… and {number(rest)} more, with fewer rows left"] if rest else []
        page = "\n".join(lines)
        if _is_shown(page):
            break
    return page


def _bar(share: float, *, whole: bool = False) -> str:
    """Draw a bar of characters. Any share above 0 has at least one, and only 100% fills a `whole` bar."""
    full = ceil(share * _BAR) if not whole else int(share * _BAR)
    return "█" * full + ("░" * (_BAR - full) if whole else "")


def _is_shown(page: str) -> bool:
    """Whether Dagster's page shows the text without a click. It counts UTF-16 units, as JavaScript does."""
    return len(page.encode("utf-16-le")) // 2 < SHOWN_AT_ONCE
