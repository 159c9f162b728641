"""The summary of a report: Markdown so short that Dagster's asset page shows it without a click.

There is one entry each for the verdict, the stages and the funds.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from stagenorm_pipeline.engine.verify.result import Outcome, VerificationResult
from stagenorm_pipeline.report.charts import BarChart, funds_chart, stages_chart
from stagenorm_pipeline.report.escape import sentence_for_markdown
from stagenorm_pipeline.report.first_screen import first_screen
from stagenorm_pipeline.report.markdown_text import (
    BAR,
    chart_markdown,
    checks_markdown,
    shortened,
)
from stagenorm_pipeline.report.wording import MARKS

# Dagster's asset page (1.13.27) hides Markdown of this length, in UTF-16 units, behind a link.
SHOWN_AT_ONCE: Final = 1_000
# The lengths to which sentence, results and notes are cut. The first that are short enough are used. 0: left out.
_SHORTENINGS: Final = (
    (200, 120, 240),
    (200, 80, 160),
    (200, 60, 120),
    (160, 40, 120),
    (160, 25, 90),
    (120, 0, 60),
    (60, 0, 0),
)
_LABEL: Final = 18


def verdict_markdown(result: VerificationResult) -> str:
    """Write the verdict and the checks, short enough for Dagster's page to show without a click."""
    first = first_screen(result)
    return _first_shown(
        "\n\n".join(
            (
                f"**{MARKS[first.outcome]} {sentence_for_markdown(shortened(first.sentence, sentence_length))}**",
                f"{first.progress}.",
                *(
                    f"> {MARKS[Outcome.WARNED]} {sentence_for_markdown(shortened(note, note_length))}"
                    for note in first.notes
                    if note_length
                ),
                checks_markdown(first.checks, length),
            )
        )
        for sentence_length, length, note_length in _SHORTENINGS
    )


def stages_markdown(result: VerificationResult) -> str:
    """Write the rows by stage before and now, short enough for Dagster's page to show without a click."""
    chart = stages_chart(result)
    return _first_shown(chart_markdown(chart, bar_length=length) for length in (BAR, BAR // 3, 0))


def funds_markdown(result: VerificationResult) -> str:
    """Write the funds with most rows left, as many as Dagster shows without a click.

    Names from the data are cut, so that one long name does not push out other funds.
    """
    chart = funds_chart(result.funds)
    if not chart.table.rows:
        return chart.title if result.funds else "No fund has rows."
    return _first_shown(
        f"{chart.title}\n\n{chart_markdown(_cut(chart, count), label_length=_LABEL)}"
        for count in range(len(chart.bars), 0, -1)
    )


def _cut(chart: BarChart, count: int) -> BarChart:
    table = chart.table.cut(count)
    return replace(chart, table=table, bars=chart.bars[: len(table.rows)])


def _first_shown(pages: Iterable[str]) -> str:
    """Return the first page that Dagster shows without a click. It counts UTF-16 units, as JavaScript does."""
    page = ""
    for page in pages:
        if len(page.encode("utf-16-le")) // 2 < SHOWN_AT_ONCE:
            break
    return page
