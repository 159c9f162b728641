"""The four forms come from one result and agree on every figure."""

import re
from dataclasses import replace
from itertools import count

import pytest

from stagenorm_pipeline.engine.funds import FundScope
from stagenorm_pipeline.engine.inventory import RowCounts, SpellingTotal
from stagenorm_pipeline.engine.verification.result import (
    Finding,
    FundBreakdown,
    Rule,
    StageRows,
    Verdict,
    VerificationResult,
)
from stagenorm_pipeline.report.document import document_sha256, verification_document
from stagenorm_pipeline.report.html import verification_html
from stagenorm_pipeline.report.markdown import verification_markdown
from stagenorm_pipeline.report.text import verification_text
from stagenorm_pipeline.vocabulary import MeaningKind
from stagenorm_pipeline_tests.report.rendered import inline_tokens, read_html
from stagenorm_pipeline_tests.report.results import COMPANIES, DEALS, failed_check, failing_result, passing_result


def numbered_result() -> VerificationResult:
    """A result in which every figure is a number that stands nowhere else."""
    numbers = count(100_003, 17)

    def counts() -> RowCounts:
        return RowCounts(*(next(numbers) for _ in range(6)))

    checks = tuple(
        replace(
            failed_check(rule),
            figures={"rows_compared": next(numbers), "rows_differing": next(numbers)},
            findings=(Finding("more rows than before", COMPANIES, rows=next(numbers)),),
            findings_total=next(numbers),
        )
        for rule in Rule
    )
    return replace(
        passing_result(),
        checks=checks,
        counts=counts(),
        stages=tuple(
            StageRows(target, stage, next(numbers), next(numbers))
            for target in (COMPANIES, DEALS)
            for stage in ("seed", "series-a", "other", "NULL")
        ),
        funds=tuple(FundBreakdown(COMPANIES, str(fund), counts(), counts()) for fund in range(3)),
        unknown=tuple(
            SpellingTotal(COMPANIES, f"growth {number}", MeaningKind.UNKNOWN, None, next(numbers), next(numbers))
            for number in range(3)
        ),
        unknown_spellings=next(numbers),
    )


def figures(document: object) -> set[int]:
    """The counts in a document: every large number but the seed."""
    if isinstance(document, dict):
        return set().union(*(figures(value) for key, value in document.items() if key != "sample_seed"))
    if isinstance(document, list):
        return set().union(*map(figures, document))
    return {document} if isinstance(document, int) and document >= 100_000 else set()


def readable_forms(result: VerificationResult, sha256: str) -> dict[str, str]:
    """The three forms for people, as the texts that a renderer shows."""
    markdown = verification_markdown(result, sha256)
    return {
        "text": verification_text(result, sha256=sha256),
        "markdown": "\n".join(token.content for token in inline_tokens(markdown) if token.type != "image"),
        "html": read_html(verification_html(result, sha256)).text,
    }


def test_every_figure_of_the_json_stands_in_every_other_form() -> None:
    result = numbered_result()
    wanted = figures(verification_document(result))
    assert len(wanted) == 7 * 4 + 6 + 16 + 36 + 6 + 1
    for name, form in readable_forms(result, "0" * 64).items():
        shown = {int(number.replace(",", "")) for number in re.findall(r"\d+(?:,\d{3})+", form)}
        assert wanted - shown == set(), name


@pytest.mark.parametrize("result", [passing_result(), failing_result("growth")])
def test_all_forms_carry_the_hash_of_the_json_the_verdict_and_the_outcomes(result: VerificationResult) -> None:
    sha256 = document_sha256(verification_document(result))
    words = {Verdict.PASSED: "Passed. Of 7 checks 7 passed", Verdict.FAILED: "Failed. Of 7 checks 5 passed"}
    for form in readable_forms(result, sha256).values():
        assert sha256 in form
        assert words[result.verdict] in form
        for check in result.checks:
            assert check.rule.heading in form
            assert check.summary in form


def test_all_forms_name_plan_vocabulary_code_moment_duration_and_person() -> None:
    result = replace(passing_result(), created_by="a reviewer", code_version="9.8.7", vocabulary_version="fedcba")
    for form in readable_forms(result, "0" * 64).values():
        for fact in ("a reviewer", "9.8.7", "fedcba", "2026-01-19 12:00:05 UTC", "4.3 s", "operator"):
            assert fact in form


def test_a_verification_of_one_fund_never_reads_like_one_of_the_whole() -> None:
    one, whole = replace(passing_result(), scope=FundScope.one("12")), passing_result()
    assert all("Only fund-12 was verified" in form for form in readable_forms(one, "0" * 64).values())
    assert not any("Only" in form for form in readable_forms(whole, "0" * 64).values())
