"""Review pages about hostile spellings, and patch files as the page exports them."""

import base64
from collections.abc import Mapping
from typing import Any

from stagenorm_pipeline.report.review_page.page import PATCH_FORMAT, PATCH_VERSION, ReviewPage
from stagenorm_pipeline.vocabulary import Decisions, Undecided, clusters_of, spelling_sha256
from stagenorm_pipeline.vocabulary.aliases import built_in_aliases
from stagenorm_pipeline_tests.support.report_results import HOSTILE

# Unknown, and what a PostgreSQL text can hold.
HOSTILE_SPELLINGS = (
    *(text for text in HOSTILE if not {"\0", "\ud800"} & set(text) and not built_in_aliases().stage_of(text)),
    "</script><script>document.title = 'owned'</script>",
    "<!--<script>",
    "'\"><svg/onload=alert(1)>",
    "__proto__",
    "W" * 1_000,
)


def page_about(spellings: Mapping[str, int], examples: Mapping[str, tuple[str, ...]] | None = None) -> ReviewPage:
    """A page about spellings with their rows."""
    questions = [Undecided(spelling=text, rows=rows, funds=2, where=text) for text, rows in spellings.items()]
    clusters = clusters_of(questions, Decisions())
    return ReviewPage(
        database="shop on \u202ehost",
        decisions="<b>stage_decisions.yaml</b> (3 spellings decided)",
        made_on="2026-01-19",
        clusters=clusters,
        examples=examples or {},
    )


def hostile_page() -> ReviewPage:
    """A page about hostile spellings, each an example of itself too, and about one cluster with a sure proposal."""
    hostile = {text: 100 - number for number, text in enumerate(HOSTILE_SPELLINGS)}
    easy = {"Seed Round": 500, "Seed  Round": 300, "Seed Funding": 200}
    return page_about(easy | hostile, {text: (text,) for text in HOSTILE_SPELLINGS})


def patch(choices: Mapping[str, str], *, by: str = "Ana", reason: str = "", **changes: Any) -> dict[str, Any]:
    """A patch file as the page exports it. `changes` replace entries of each decision."""
    decisions = [
        {
            "spelling_sha256": spelling_sha256(text),
            "spelling_base64": base64.b64encode(text.encode()).decode(),
            "stage": stage,
            "reason": reason,
            "decided_by": by,
            "decided_on": "2026-01-19",
        }
        | changes
        for text, stage in choices.items()
    ]
    return {
        "format": PATCH_FORMAT,
        "version": PATCH_VERSION,
        "review": "0" * 16,
        "exported_at": "2026-01-19T10:00:00.000Z",
        "decisions": decisions,
    }
