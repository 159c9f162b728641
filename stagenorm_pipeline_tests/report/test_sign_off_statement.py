"""The end of a report: what a signature under it would mean."""

from dataclasses import replace

import pytest

from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.verify.result import Rule, VerificationResult
from stagenorm_pipeline.report.html_page import verification_html
from stagenorm_pipeline.report.markdown_text import verification_markdown
from stagenorm_pipeline.report.sign_off_statement import statement
from stagenorm_pipeline.report.terminal_text import verification_text
from stagenorm_pipeline_tests.support.rendered_reports import inline_tokens, read_html
from stagenorm_pipeline_tests.support.report_results import failing_result, passing_result


def warned(*rules: Rule) -> VerificationResult:
    result = passing_result()
    return replace(result, checks=tuple(replace(c, passed=c.rule not in rules) for c in result.checks))


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (
            passing_result(),
            "I have read this report and looked through its sample, and I accept the migration as done.",
        ),
        (warned(Rule.ROW_COUNTS), "I know the cause of the warnings of check 4, and I accept the migration as done."),
        (warned(Rule.NULL_INTEGRITY, Rule.ROW_COUNTS, Rule.AUDIT_CONSISTENCY), "warnings of checks 3, 4 and 5"),
        (replace(passing_result(), scope=FundScope.one("7")), "the migration of the fund named above, and of no other"),
        (replace(passing_result(), plans=()), "No migration is in force."),
        (failing_result(), "Not to be signed: check 2 failed."),
        (warned(Rule.BATCH_TRACKING, Rule.CANONICAL_STAGES), "Not to be signed: checks 1 and 2 failed."),
    ],
)
def test_a_signature_means_what_the_verdict_allows(result: VerificationResult, said: str) -> None:
    assert said in statement(result)


@pytest.mark.parametrize("result", [passing_result(), failing_result()])
def test_every_form_for_people_ends_with_what_a_signature_means(result: VerificationResult) -> None:
    forms = (
        " ".join(verification_text(result, verification_id=12).split()),
        "".join(token.content for token in inline_tokens(verification_markdown(result, None, 12))),
        read_html(verification_html(result, None, 12)).text,
    )
    for form in forms:
        _, _, ending = form.rpartition("Sign-off" if "Sign-off" in form else "SIGN-OFF")
        assert statement(result) in ending
        assert ("stagenorm sign-off 12 --report FILE" in ending) == (result == passing_result())


def test_unrecorded_report_shows_no_sign_off_command() -> None:
    result = passing_result()
    for form in (verification_text(result), verification_markdown(result), verification_html(result)):
        assert "stagenorm sign-off" not in form


def test_sign_off_command_asks_for_a_reason_with_warnings() -> None:
    for form in (verification_text, verification_markdown, verification_html):
        assert "--accept-warnings" in form(warned(Rule.ROW_COUNTS), verification_id=12)
        assert "--accept-warnings" not in form(passing_result(), verification_id=12)
