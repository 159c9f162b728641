"""Write the review page: undecided spellings in clusters, a stage to choose for each, and a patch file to export.

The data is in the page as JSON, and the script shows it as text only.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from stagenorm_pipeline.report.escape import for_terminal, sentence_for_terminal
from stagenorm_pipeline.vocabulary import (
    CANONICAL_STAGES,
    KEPT,
    LONGEST_SPELLING,
    Cluster,
    Proposal,
    Undecided,
    choice_texts,
    compared,
    spelling_sha256,
)

_DIRECTORY: Final = "review_page"
# They are one script in the page, in this order: what is said, how it shows, how it is said, where it goes.
_SCRIPTS: Final = ("state.js", "drawing.js", "keys.js", "files.js", "start.js")
# What a patch file says of itself. A change that older programs cannot read needs a new version.
PATCH_FORMAT: Final = "stagenorm decisions patch"
PATCH_VERSION: Final = 1
_EXAMPLES: Final = 3
# A character shows as ten at most, as an escape. Whole, because two spellings may differ at their ends only.
_SHOWN: Final = 10 * LONGEST_SPELLING


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewPage:
    """What the page shows. `decisions`: which decisions file is in force.

    `examples`: names of rows by spelling, empty unless the configuration allows a column.
    """

    database: str
    decisions: str
    made_on: str
    clusters: Sequence[Cluster]
    examples: Mapping[str, Sequence[str]]


def review_page_html(page: ReviewPage) -> str:
    """Write the whole page."""
    # jinja2 is imported only for a page.
    from markupsafe import Markup

    from stagenorm_pipeline.report.page_templates import content_policy, read_source, render

    style = read_source(_DIRECTORY, "review.css")
    script = Markup("\n").join(read_source(_DIRECTORY, name) for name in _SCRIPTS)
    return render(
        _DIRECTORY,
        "review.html.jinja",
        style=style,
        script=script,
        policy=content_policy(style, script),
        database=page.database,
        decisions=page.decisions,
        made_on=page.made_on,
        stages=CANONICAL_STAGES,
        data=review_data(page),
    )


def review_data(page: ReviewPage) -> Mapping[str, Any]:
    """Return what the script reads. Texts from the data are shown unambiguously, as in a terminal."""
    alike: dict[str, int] = {}
    clusters = [_cluster(cluster, page.examples, alike) for cluster in page.clusters]
    identities = sorted(member["id"] for cluster in clusters for member in cluster["members"])
    return {
        # Under this name the browser keeps what was decided: another page with the same questions goes on with it.
        "review": hashlib.sha256("\n".join([page.database, *CANONICAL_STAGES, *identities]).encode()).hexdigest()[:16],
        "format": PATCH_FORMAT,
        "version": PATCH_VERSION,
        "stages": list(CANONICAL_STAGES),
        "kept": KEPT,
        "clusters": clusters,
    }


def _cluster(cluster: Cluster, examples: Mapping[str, Sequence[str]], alike: dict[str, int]) -> Mapping[str, Any]:
    return {
        "why": cluster.why,
        "hints": list(cluster.hints),
        "share": round(cluster.cumulative_share, 4),
        "funds": cluster.funds,
        "proposal": _proposal(cluster.proposal),
        "members": [_member(member, examples, alike) for member in cluster.members],
    }


def _proposal(proposal: Proposal | None) -> Mapping[str, Any] | None:
    if proposal is None:
        return None
    stage, reason = choice_texts(proposal.choice)
    return {"stage": stage, "reason": reason, "confidence": proposal.confidence.value, "why": proposal.why}


def _member(member: Undecided, examples: Mapping[str, Sequence[str]], alike: dict[str, int]) -> Mapping[str, Any]:
    """`alike`: the same number for spellings that must have the same decision."""
    return {
        "id": spelling_sha256(member.spelling),
        "bytes": base64.b64encode(member.spelling.encode("utf-8", "surrogatepass")).decode("ascii"),
        "text": for_terminal(member.spelling, quote=True, limit=_SHOWN),
        "alike": alike.setdefault(compared(member.spelling), len(alike)),
        "rows": member.rows,
        "funds": member.funds,
        "where": sentence_for_terminal(member.where),
        "examples": [sentence_for_terminal(text) for text in examples.get(member.spelling, ())][:_EXAMPLES],
    }
