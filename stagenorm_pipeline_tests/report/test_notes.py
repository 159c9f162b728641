"""What a reader of the verdict must not miss, in every form and before anything else."""

from dataclasses import replace

import pytest

from stagenorm_pipeline.engine.inventory.inventory import RowCounts
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.verify.result import Coverage, UndoneRows, VerificationResult
from stagenorm_pipeline.report.html_page import verification_html
from stagenorm_pipeline.report.markdown_text import verification_markdown
from stagenorm_pipeline.report.notes import notes
from stagenorm_pipeline.report.summary import verdict_markdown
from stagenorm_pipeline.report.terminal_text import verification_text
from stagenorm_pipeline_tests.support.rendered_reports import inline_tokens, read_html
from stagenorm_pipeline_tests.support.report_results import COMPANIES, DEALS, PLAN, passing_result

QUIET = passing_result()
UNDONE = replace(PLAN, plan_id=6, status="rolled_back", is_baseline=False)


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (QUIET, []),
        (replace(QUIET, in_progress=True), ["Batches are still pending or running"]),
        (replace(QUIET, scope=FundScope.one("12")), ["Only fund-12 was verified"]),
        (replace(QUIET, scope=FundScope.one(None)), ["Only no-fund was verified"]),
        (replace(QUIET, counts=RowCounts()), ["No rows were found"]),
        (replace(QUIET, plans=()), ["No plan was applied here yet. There is no baseline to compare with"]),
        (
            replace(QUIET, plans=(), rolled_back=(UNDONE,), undone=UndoneRows(restored=1_234, left=5)),
            ["Plan 6 was rolled back.", "1,234 rows hold what the", "The rollback left 5 rows as", "There is no base"],
        ),
        (
            replace(QUIET, plans=(), rolled_back=(replace(UNDONE, is_baseline=True),)),
            ["Plan 6 was rolled back. The rows are compared with the state before."],
        ),
        (
            replace(QUIET, rolled_back=tuple(replace(UNDONE, plan_id=number) for number in range(1, 6))),
            ["Plans 1, 2, 3 and 2 more were rolled back."],
        ),
        (
            replace(QUIET, rolled_back=tuple(replace(UNDONE, plan_id=number) for number in range(1, 4))),
            ["Plans 1, 2 and 3 were rolled back."],
        ),
        (
            replace(
                QUIET,
                coverage=(
                    Coverage(target=COMPANIES, plans=(), all_funds=False),
                    Coverage(target=DEALS, plans=(7,), all_funds=False, funds=("1",)),
                ),
            ),
            [f"No applied plan covers {COMPANIES}", f"Only some funds of {DEALS} have a baseline"],
        ),
        # Notes only where something follows from them.
        (replace(QUIET, vocabulary_version="other"), []),
        (replace(QUIET, undone=UndoneRows(restored=0, left=0)), []),
    ],
)
def test_notes_are_exactly_those_that_apply(result: VerificationResult, said: list[str]) -> None:
    found = notes(result)
    assert len(found) == len(said)
    assert [part in note for part, note in zip(said, found, strict=True)] == [True] * len(said)


def test_every_form_has_all_notes_above_the_checks() -> None:
    result = replace(QUIET, in_progress=True, plans=(), scope=FundScope.one("12"), counts=RowCounts())
    shown = {
        "text": verification_text(result).partition("THE CHECKS IN FIGURES")[0],
        "markdown": verification_markdown(result).partition("### Of 7 checks")[0],
        "html": read_html(verification_html(result)).text.partition("Batch Tracking")[0],
        "summary": verdict_markdown(result).partition("| Check")[0],
    }
    for form in ("markdown", "summary"):
        shown[form] = "".join(token.content for token in inline_tokens(shown[form]))
    for form, above in shown.items():
        assert [note[:40] in above for note in notes(result)] == [True] * 4, form
