"""Draw the charts of a verification report as SVG: stages before and now, and the progress of each fund.

Each bar has its count beside it, because colour and length alone are not readable for everybody.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from stagenorm_pipeline.engine.verify.result import FundBreakdown
from stagenorm_pipeline.report.escape import for_terminal
from stagenorm_pipeline.report.fund_progress import FundProgress, fund_progress
from stagenorm_pipeline.report.html_tags import Html, tag
from stagenorm_pipeline.report.tables import Change, number

FUNDS_DRAWN: Final = 12
LABEL_SHOWN: Final = 18

_WIDTH: Final = 420
_MARGIN: Final = 10
_LABELS: Final = 78
_LONGEST_BAR: Final = 250
_BAR: Final = 13


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """The text colour and the background of a chart. `paper` None: the background of the page."""

    ink: str
    paper: str | None


# In the HTML report the text has the colour of the page, light or dark.
ON_PAGE: Final = Palette(ink="currentColor", paper=None)
# An image in Dagster cannot know the colour of the page (its theme is not the system's), so it has a background.
ON_CARD: Final = Palette(ink="#1f2328", paper="#f6f8fa")
# Both have a contrast of at least 3 to 1 on white, on the card and on the dark page.
BEFORE: Final = "#8b7355"
NOW: Final = "#2f7fd6"


def stages_picture(totals: Mapping[str, Change], palette: Palette) -> Html:
    """Draw two bars for each stage, before and now. Only one if before is not known."""
    longest = max((count or 0 for total in totals.values() for count in (total.before, total.now)), default=0)
    drawn = _legend(("before", BEFORE), ("now", NOW))
    top = 34
    for stage, total in totals.items():
        drawn.append(_text(_MARGIN, top + 18, stage))
        for place, (count, colour) in enumerate(((total.before, BEFORE), (total.now, NOW))):
            if count is not None:
                length = _LONGEST_BAR * count / longest if longest else 0
                drawn.append(_rectangle(_LABELS, top + place * (_BAR + 1), length, _BAR, colour))
                drawn.append(_text(_LABELS + length + 5, top + place * (_BAR + 1) + 11, number(count), size=12))
        top += 2 * _BAR + 10
    return _picture("Rows by stage, before and now", top, drawn, palette)


def funds_picture(funds: Sequence[FundBreakdown], palette: Palette) -> Html:
    """Draw the share of canonical rows of each fund, for the FUNDS_DRAWN funds with most other rows."""
    progress = fund_progress(funds)
    left_out = len(progress) - FUNDS_DRAWN
    drawn = _legend(("canonical before", BEFORE), ("since", NOW))
    top = 32
    for fund in progress[:FUNDS_DRAWN]:
        drawn += _fund_bar(fund, top)
        top += 38
    if left_out > 0:
        drawn.append(_text(_MARGIN, top + 12, f"… and {number(left_out)} more, with fewer rows left"))
        top += 22
    return _picture("Canonical rows by fund, those with most rows left first", top, drawn, palette)


def _fund_bar(fund: FundProgress, top: int) -> list[Html]:
    whole = _WIDTH - 2 * _MARGIN
    label = f"{for_terminal(fund.name, limit=LABEL_SHOWN)}: {fund.progress_text}"
    before, now = whole * fund.share_before, whole * fund.share
    return [
        _text(_MARGIN, top + 12, label),
        _rectangle(_MARGIN, top + 18, now, 9, NOW),
        _rectangle(_MARGIN, top + 18, min(before, now), 9, BEFORE),
        _rectangle(_MARGIN, top + 18, whole, 9, "none", stroke=BEFORE),
    ]


def _legend(*entries: tuple[str, str]) -> list[Html]:
    drawn, left = [], _MARGIN
    for name, colour in entries:
        drawn += [_rectangle(left, 8, 12, 12, colour), _text(left + 18, 18, name)]
        left += 40 + 7 * len(name)
    return drawn


def _picture(title: str, height: int, drawn: Sequence[Html], palette: Palette) -> Html:
    paper = [] if palette.paper is None else [_rectangle(0, 0, _WIDTH, height, palette.paper)]
    return tag(
        "svg",
        tag("title", title),
        *paper,
        tag("g", *drawn, fill=palette.ink, font_family="system-ui, sans-serif", font_size="13"),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {_WIDTH} {height}",
        width=str(_WIDTH),
        height=str(height),
        role="img",
        aria_label=title,
    )


def _rectangle(x: float, y: float, width: float, height: float, fill: str, stroke: str = "none") -> Html:
    size = {"width": f"{width:.1f}", "height": f"{height:.1f}"}
    return tag("rect", x=f"{x:.1f}", y=f"{y:.1f}", fill=fill, stroke=stroke, **size)


def _text(x: float, y: float, text: str, size: int = 13) -> Html:
    return tag("text", text, x=f"{x:.1f}", y=f"{y:.1f}", font_size=str(size))
