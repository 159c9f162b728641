"""Read a verification's result: which rules did not pass, and which rows, batches and funds they name."""

from stagenorm_pipeline.engine.verify.result import Rule, Severity, VerificationResult

# What a finding is about: the phrase, the row, the batch, and the fund where the finding is of one.
Named = tuple[str, str | None, int | None, str | None]


def not_passed(result: VerificationResult) -> dict[Rule, Severity]:
    """The rules that did not pass, each with what it counts as."""
    return {check.rule: check.severity for check in result.checks if not check.passed}


def named(result: VerificationResult, rule: Rule) -> set[Named]:
    """What the rule's findings name."""
    findings = result.check(rule).findings
    return {(finding.what, finding.row_id, finding.batch_id, finding.fund_id) for finding in findings}
