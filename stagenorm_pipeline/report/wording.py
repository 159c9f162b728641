"""The words that all forms of a report share: one verdict, one outcome and one set of facts, said in one way."""

from typing import Final

from stagenorm_pipeline.engine.inventory.inventory import RowCounts
from stagenorm_pipeline.engine.targets.funds import NO_FUND_KEY, FundScope
from stagenorm_pipeline.engine.verify.result import (
    CheckResult,
    OtherSessions,
    Outcome,
    Rule,
    Verdict,
    VerificationResult,
)
from stagenorm_pipeline.engine.verify.rules.registry import RULES
from stagenorm_pipeline.report.tables import Cell, Name, duration, moment, number

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
_TARGETS_NAMED: Final = 20
# In the order of the checks, as a sentence names them.
_RULES: Final = tuple(Rule)

MEANWHILE: Final = (
    "Checks 3, 4 and 5 list what changed outside the migration. Data alone cannot tell a user's change from damage."
)


def verdict_line(result: VerificationResult) -> str:
    """The verdict in a sentence, without anything from the data."""
    words = {Outcome.PASSED: "passed", Outcome.WARNED: "with a warning", Outcome.FAILED: "failed"}
    counts = ", ".join(f"{result.count(outcome)} {word}" for outcome, word in words.items())
    strict = " Strict mode: a warning counts as a failure." if result.strict else ""
    return f"{VERDICTS[result.verdict]}. Of {len(result.checks)} checks {counts}.{strict}"


def rows_line(counts: RowCounts) -> str:
    """The rows by what their stage is; the parts add up to the whole."""
    return (
        f"{number(counts.rows_seen)} rows: {number(counts.rows_canonical)} canonical, "
        f"{number(counts.rows_to_change)} to change, {number(counts.rows_unknown)} unknown, "
        f"{number(counts.rows_left_as_is)} left as is, {number(counts.rows_null)} NULL"
    )


def rule_number(rule: Rule) -> int:
    return _RULES.index(rule) + 1


def rule_name(rule: Rule) -> str:
    """The rule's number and name."""
    return f"{rule_number(rule)} {RULES[rule].title}"


def figures(check: CheckResult) -> tuple[tuple[str, str], ...]:
    """The exact counts of a check, by what they count."""
    return tuple((name.replace("_", " "), number(count)) for name, count in check.figures.items())


def figures_line(check: CheckResult) -> str:
    """The exact counts of a check in one line."""
    return "; ".join(f"{name} {count}" for name, count in figures(check))


def fund_name(fund_id: str | None) -> str:
    """A fund as its partition key reads, unencoded: a reader wants the id, not its percent signs."""
    return NO_FUND_KEY if fund_id is None else f"fund-{fund_id}"


def scope_name(scope: FundScope) -> str:
    return "all funds" if scope.all_funds else fund_name(scope.fund_id)


def about(result: VerificationResult, sha256: str | None, verification_id: int | None) -> tuple[tuple[str, Cell], ...]:
    """How the verification was made, and the marks by which the report is found again."""
    sample = f"{number(len(result.sample))} of at most {number(result.sample_size)} rows, seed {result.sample_seed}"
    judging = sum(check.duration_ms for check in result.checks)
    took = f"{duration(result.duration_ms)}: {duration(judging)} in the checks, the rest in reading for all of them"
    facts: list[tuple[str, Cell]] = [
        ("Made at", result.created_at),
        ("By", Name(text=result.created_by)),
        ("Took", took),
        ("Database", Name(text=result.database)),
        *(("Target", Name(text=target)) for target in result.targets[:_TARGETS_NAMED]),
        *((("Other targets", others),) if (others := len(result.targets) - _TARGETS_NAMED) > 0 else ()),
        ("Scope", Name(text=scope_name(result.scope))),
        ("Strict mode", "on" if result.strict else "off"),
        *_against(result),
        *((("Changes by other sessions", _other_sessions(found)),) if (found := result.other_sessions) else ()),
        ("Sample", sample),
        ("Vocabulary version", Name(text=result.vocabulary_version)),
        ("Code version", Name(text=result.code_version)),
    ]
    if verification_id is not None:
        facts.append(("Recorded as verification", Name(text=str(verification_id))))
    if sha256 is not None:
        facts.append(("SHA-256 of the JSON", Name(text=sha256)))
    return tuple(facts)


def _against(result: VerificationResult) -> tuple[tuple[str, Cell], ...]:
    found = result.against
    if found is None:
        return ()
    record = "no record of it in this database"
    if found.verification_id is not None:
        signed = "not signed" if found.signed_off_by is None else f"signed by {found.signed_off_by}"
        record = f"verification {found.verification_id}, {signed}"
    plans = f"{number(found.plans_compared)} plans compared, {number(found.differences)} differences"
    return (
        ("Compared with the signed report", Name(text=found.report_sha256)),
        ("Record of that report", Name(text=record)),
        ("Plans of that report", plans),
    )


def _other_sessions(found: OtherSessions) -> str:
    return (
        f"{number(found.audited_rows_changed)} of {number(found.audited_rows)} rows that stagenorm changed "
        f"({number(found.audited_rows_allowed)} allowed); by the counts of each fund at least "
        f"{number(found.rows_changed)} of {number(found.rows_before)} rows ({number(found.rows_allowed)} allowed). "
        f"Allowed is the larger of {found.percent}% and {number(found.rows)} rows"
    )


def made(result: VerificationResult) -> str:
    """Which database, when and by whom: what a sheet of paper must say of itself. Holds names from the data."""
    return f"{result.database}, {scope_name(result.scope)}, {moment(result.created_at)}, by {result.created_by}"
