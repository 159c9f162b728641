"""The words that all forms of a report share: one verdict, one outcome and one set of facts, said in one way."""

from typing import Final

from stagenorm_pipeline.engine.funds import NO_FUND_KEY, FundScope
from stagenorm_pipeline.engine.inventory import RowCounts
from stagenorm_pipeline.engine.verification.result import CheckResult, Outcome, Rule, Verdict, VerificationResult
from stagenorm_pipeline.report.tables import Cell, Name, duration, number

MARKS: Final = {Outcome.PASSED: "✓", Outcome.WARNED: "⚠", Outcome.FAILED: "✗"}
OUTCOMES: Final = {Outcome.PASSED: "passed", Outcome.WARNED: "warning", Outcome.FAILED: "failed"}
VERDICTS: Final = {
    Verdict.PASSED: "Passed",
    Verdict.PASSED_WITH_WARNINGS: "Passed with warnings",
    Verdict.FAILED: "Failed",
}
VERDICT_OUTCOMES: Final = {
    Verdict.PASSED: Outcome.PASSED,
    Verdict.PASSED_WITH_WARNINGS: Outcome.WARNED,
    Verdict.FAILED: Outcome.FAILED,
}

IN_PROGRESS: Final = (
    "Batches are still pending or running: these are the figures of a migration in progress, not of a finished one."
)
MEANWHILE: Final = (
    "Rules 3, 4 and 5 list what changed outside the migration. Data alone cannot tell a live user's change from damage."
)


def verdict_line(result: VerificationResult) -> str:
    """The verdict in a sentence, without anything from the data."""
    words = {Outcome.PASSED: "passed", Outcome.WARNED: "with a warning", Outcome.FAILED: "failed"}
    counts = ", ".join(f"{result.count(outcome)} {word}" for outcome, word in words.items())
    strict = " Strict mode: a warning counts as a failure." if result.strict else ""
    return f"{VERDICTS[result.verdict]}. Of {len(result.checks)} checks {counts}.{strict}"


def notes(result: VerificationResult) -> tuple[str, ...]:
    """What a reader of the verdict must not miss."""
    in_progress = (IN_PROGRESS,) if result.in_progress else ()
    if result.scope.all_funds:
        return in_progress
    return (*in_progress, f"Only {scope_name(result.scope)} was verified: this is no verdict on the other funds.")


def rows_line(counts: RowCounts) -> str:
    """The rows by what their stage is; the parts add up to the whole."""
    return (
        f"{number(counts.rows_seen)} rows: {number(counts.rows_canonical)} canonical, "
        f"{number(counts.rows_to_change)} to change, {number(counts.rows_unknown)} unknown, "
        f"{number(counts.rows_left_as_is)} left as is, {number(counts.rows_null)} NULL"
    )


def rule_name(rule: Rule) -> str:
    """The rule's number and name."""
    return f"{tuple(Rule).index(rule) + 1} {rule.heading}"


def figures_line(check: CheckResult) -> str:
    """The exact counts of a check."""
    return "; ".join(f"{name.replace('_', ' ')} {number(count)}" for name, count in check.figures.items())


def fund_name(fund_id: str | None) -> str:
    """A fund as its partition key reads, unencoded: a reader wants the id, not its percent signs."""
    return NO_FUND_KEY if fund_id is None else f"fund-{fund_id}"


def scope_name(scope: FundScope) -> str:
    return "all funds" if scope.all_funds else fund_name(scope.fund_id)


def about(result: VerificationResult, sha256: str | None) -> tuple[tuple[str, Cell], ...]:
    """How the verification was made, and the report's mark."""
    sample = f"{number(len(result.sample))} of at most {number(result.sample_size)} rows, seed {result.sample_seed}"
    facts: list[tuple[str, Cell]] = [
        ("Made at", result.created_at),
        ("By", Name(result.created_by)),
        ("Took", duration(result.duration_ms)),
        ("Database", Name(result.database)),
        *(("Target", Name(target)) for target in result.targets),
        ("Scope", Name(scope_name(result.scope))),
        ("Strict mode", "on" if result.strict else "off"),
        ("Sample", sample),
        ("Vocabulary version", Name(result.vocabulary_version)),
        ("Code version", Name(result.code_version)),
    ]
    if sha256 is not None:
        facts.append(("SHA-256 of the JSON", Name(sha256)))
    return tuple(facts)
