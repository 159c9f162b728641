"""The first sentence of a report: sign or do not sign, why, and what to do next."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from stagenorm_pipeline.engine.inventory.inventory import RowCounts
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.verify.result import Rule, Severity, VerificationResult
from stagenorm_pipeline.report.verdict import next_command, next_steps, verdict_sentence
from stagenorm_pipeline_tests.support.report_results import passing_result


def found(
    rule: Rule, figures: Mapping[str, int], severity: Severity = Severity.ERROR, summary: str = "…"
) -> VerificationResult:
    """A verification in which one rule did not pass."""
    result = passing_result()
    checks = (
        replace(check, passed=False, severity=severity, figures=figures, summary=summary)
        if check.rule is rule
        else check
        for check in result.checks
    )
    return replace(result, checks=tuple(checks))


UNKNOWN = found(
    Rule.CANONICAL_STAGES, {"rows_unknown": 13_030, "rows_messy": 0, "rows_rolled_back": 0, "unknown_spellings": 91}
)
WAITING = replace(
    found(Rule.BATCH_TRACKING, {"rows_failed": 3, "failed_batches": 1, "pending_batches": 20, "running_batches": 1}),
    in_progress=True,
)
ROLLED_BACK = found(Rule.CANONICAL_STAGES, {"rows_messy": 12, "rows_rolled_back": 12}, Severity.WARN)
ALTERED = found(
    Rule.AUDIT_CONSISTENCY,
    {"rows_changed_since": 4, "batches_that_disagree": 2, "plan_digests_that_differ": 1, "signed_reports_altered": 1},
)


@pytest.mark.parametrize(
    ("result", "sentence"),
    [
        (UNKNOWN, "Do not sign: 13,030 rows hold 91 spellings that nobody has decided"),
        (WAITING, "Do not sign: the database refused 3 rows; 21 batches are not done"),
        (ALTERED, "Do not sign: the signed report was altered; 1 plan differs from its digest; and 2 more reasons"),
        (ROLLED_BACK, "Ready to sign if you accept 1 warning: 12 rows hold what a rollback restored"),
        (found(Rule.ROW_COUNTS, {}, summary="no figure"), "Do not sign: 4 Row Count Verification: no figure"),
        (
            replace(passing_result(), counts=RowCounts(rows_seen=5, rows_canonical=4, rows_null=1)),
            "Ready to sign: all 4 rows with a stage are canonical, 1 is NULL",
        ),
        (replace(passing_result(), counts=RowCounts()), "Ready to sign, but no rows were found"),
        (
            replace(UNKNOWN, scope=FundScope.one("7")),
            "Do not sign for one fund: 13,030 rows hold 91 spellings that nobody has decided",
        ),
    ],
)
def test_verdict_sentence_gives_the_main_reasons(result: VerificationResult, sentence: str) -> None:
    assert verdict_sentence(result) == sentence


@pytest.mark.parametrize(
    ("result", "commands"),
    [
        (
            passing_result(),
            [
                "stagenorm report 12 --output verification-12.json",
                "stagenorm sign-off 12 --report verification-12.json",
            ],
        ),
        (UNKNOWN, ["stagenorm decisions", "stagenorm run", "stagenorm verify"]),
        (
            replace(WAITING, scope=FundScope.one("a b")),
            ["stagenorm resume --fund-id 'a b'", "stagenorm verify --fund-id 'a b'"],
        ),
        (ALTERED, [None, "stagenorm verify --findings findings.jsonl", "stagenorm verify"]),
        (found(Rule.ROW_COUNTS, {}), ["stagenorm verify"]),
    ],
)
def test_next_steps_remove_the_causes_and_verify_again(result: VerificationResult, commands: list[str | None]) -> None:
    assert [step.command for step in next_steps(result, 12)] == commands
    assert next_command(result, 12) == commands[0]


def test_sign_off_names_the_saved_report_and_asks_for_a_reason() -> None:
    assert [step.command for step in next_steps(ROLLED_BACK, 12, saved_as="my report.json")] == [
        "stagenorm sign-off 12 --report 'my report.json' --accept-warnings \"REASON\""
    ]


def test_unrecorded_verification_cannot_be_signed() -> None:
    assert next_command(passing_result()) == "stagenorm verify"
