"""The words that all formats of a report share: verdict, outcomes, names and facts."""

from typing import Final

from stagenorm_pipeline.counts import counted
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
from stagenorm_pipeline.report.number_formats import duration, number
from stagenorm_pipeline.report.tables import Cell, Name

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
# In the order of the checks.
_RULES: Final = tuple(Rule)

OTHER_SESSIONS_NOTE: Final = (
    "Checks 3, 4 and 5 list changes by other sessions. Data alone cannot tell a user's change from damage."
)


def checks_line(result: VerificationResult) -> str:
    """Count the checks by outcome, without outcomes that no check has."""
    words = {Outcome.FAILED: "failed", Outcome.WARNED: "with a warning", Outcome.PASSED: "passed"}
    counts = ", ".join(f"{found} {word}" for outcome, word in words.items() if (found := result.count(outcome)))
    return f"Of {len(result.checks)} checks {counts}"


def verdict_line(result: VerificationResult) -> str:
    """Say the verdict in a sentence. Holds nothing from the data."""
    words = {Outcome.PASSED: "passed", Outcome.WARNED: "with a warning", Outcome.FAILED: "failed"}
    counts = ", ".join(f"{result.count(outcome)} {word}" for outcome, word in words.items())
    strict = " Strict mode: a warning counts as a failure." if result.strict else ""
    return f"{VERDICTS[result.verdict]}. Of {len(result.checks)} checks {counts}.{strict}"


def all_findings_note(result: VerificationResult) -> str:
    """Say where every finding is, for a check that lists only examples."""
    if result.findings_file is None:
        return "To list every finding: `stagenorm verify --findings findings.jsonl`."
    return (
        f"The file of this verification lists all {counted(result.findings_file.findings, 'finding')}; "
        f"its SHA-256 is `{result.findings_file.sha256}`."
    )


def rows_line(counts: RowCounts) -> str:
    """Count the rows by kind of stage. The parts add up to the whole."""
    return f"{counted(counts.rows_seen, 'row')}: {kinds_line(counts)}"


def kinds_line(counts: RowCounts) -> str:
    """Count the rows of each kind of stage that there is."""
    kinds = (
        (counts.rows_canonical, "canonical"),
        (counts.rows_to_change, "to change"),
        (counts.rows_unknown, "unknown"),
        (counts.rows_left_as_is, "kept"),
        (counts.rows_null, "NULL"),
    )
    return ", ".join(f"{number(count)} {kind}" for count, kind in kinds if count) or "no rows"


def rule_number(rule: Rule) -> int:
    return _RULES.index(rule) + 1


def rule_name(rule: Rule) -> str:
    """Return the number and title of a rule."""
    return f"{rule_number(rule)} {RULES[rule].title}"


def figures(check: CheckResult) -> tuple[tuple[str, str], ...]:
    """Return the exact counts of a check with their names, without those that are zero."""
    return tuple((name.replace("_", " "), number(count)) for name, count in check.figures.items() if count)


def figures_line(check: CheckResult) -> str:
    """Return the exact counts of a check in one line."""
    return "; ".join(f"{name} {count}" for name, count in figures(check)) or "all zero"


def fund_name(fund_id: str | None) -> str:
    """Return the partition key of a fund without percent-encoding, which is easier to read."""
    return NO_FUND_KEY if fund_id is None else f"fund-{fund_id}"


def scope_name(scope: FundScope) -> str:
    return "all funds" if scope.all_funds else fund_name(scope.fund_id)


def about(result: VerificationResult, sha256: str | None, verification_id: int | None) -> tuple[tuple[str, Cell], ...]:
    """List how the verification was made, with the number and hash that identify the report."""
    sample = f"{number(len(result.sample))} of at most {number(result.sample_size)} rows, seed {result.sample_seed}"
    judging = sum(check.duration_ms for check in result.checks)
    took = f"{duration(result.duration_ms)}: {duration(judging)} in the checks, the rest in shared reads"
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
        *((("Changes by other sessions", _other_sessions(changes)),) if (changes := result.other_sessions) else ()),
        ("Sample", sample),
        *((("Findings in the file", found.findings),) if (found := result.findings_file) else ()),
        *((("SHA-256 of that file", Name(text=found.sha256)),) if found else ()),
        *((("Decisions", Name(text=str(result.decisions_file))),) if result.decisions_file else ()),
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
    plans = f"{counted(found.plans_compared, 'plan')} compared, {counted(found.differences, 'difference')}"
    return (
        ("Compared with the signed report", Name(text=found.report_sha256)),
        ("Record of that report", Name(text=record)),
        ("Plans of that report", plans),
    )


def _other_sessions(found: OtherSessions) -> str:
    return (
        f"{number(found.audited_rows_changed)} of {counted(found.audited_rows, 'row')} that stagenorm changed "
        f"({number(found.audited_rows_allowed)} allowed); by the counts of each fund at least "
        f"{number(found.rows_changed)} of {counted(found.rows_before, 'row')} ({number(found.rows_allowed)} allowed). "
        f"Allowed is the larger of {found.percent}% and {counted(found.rows, 'row')}"
    )
