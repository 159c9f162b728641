"""Rule 2: every stage is canonical, byte for byte. `Seed` and ` seed` are not; NULLs are for rule 3.

Proves it for every row of the snapshot. Spellings that a reviewer left as they are count as a warning.
"""

from stagenorm_pipeline.engine.inventory import RowCounts, count_unknown_spellings
from stagenorm_pipeline.engine.verification.facts import Snapshot, TargetFacts, read_noncanonical_rows
from stagenorm_pipeline.engine.verification.result import FINDINGS_SHOWN, CheckResult, Finding, Rule, Severity
from stagenorm_pipeline.vocabulary import MeaningKind

_COMPARED = "every stored stage with the six canonical ones, byte for byte"


def check(snapshot: Snapshot, targets: tuple[TargetFacts, ...]) -> CheckResult:
    """Judge what the targets hold now."""
    counts = sum((facts.inventory.counts for facts in targets), RowCounts())
    spellings = [s for facts in targets for s in facts.inventory.spellings if s.kind is not MeaningKind.CANONICAL]
    unknown_spellings = count_unknown_spellings(tuple(facts.inventory for facts in targets))
    bad = counts.rows_unknown + counts.rows_to_change
    figures = {
        "rows_checked": counts.rows_seen - counts.rows_null,
        "rows_canonical": counts.rows_canonical,
        "rows_unknown": counts.rows_unknown,
        "rows_messy": counts.rows_to_change,
        "rows_left_as_is": counts.rows_left_as_is,
        "unknown_spellings": unknown_spellings,
    }
    if not bad and not counts.rows_left_as_is:
        return CheckResult(
            Rule.CANONICAL_STAGES, True, Severity.ERROR, "All stage values are canonical", _COMPARED, figures
        )
    findings = [
        Finding(_WHAT[s.kind], s.target, stage_now=s.spelling, stage_after=s.stage, rows=s.rows)
        for s in sorted(spellings, key=lambda s: -s.rows)
    ]
    rows = [
        row
        for facts in targets
        if facts.inventory.counts
        for row in read_noncanonical_rows(snapshot, facts.inventory.target)
    ]
    half = FINDINGS_SHOWN // 2
    return CheckResult(
        Rule.CANONICAL_STAGES,
        False,
        Severity.ERROR if bad else Severity.WARN,
        _summary(counts, unknown_spellings),
        _COMPARED,
        figures,
        (*findings[:half], *rows[:half]),
        bad + counts.rows_left_as_is,
        _recommendation(counts),
    )


_WHAT = {
    MeaningKind.UNKNOWN: "unknown spelling",
    MeaningKind.MESSY: "known spelling, not normalized",
    MeaningKind.LEAVE_AS_IS: "left as it is, by decision",
}


def _summary(counts: RowCounts, unknown_spellings: int) -> str:
    parts = []
    if counts.rows_unknown:
        parts.append(f"{counts.rows_unknown} row(s) hold {unknown_spellings} unknown spelling(s)")
    if counts.rows_to_change:
        parts.append(f"{counts.rows_to_change} row(s) hold known spellings that are not normalized")
    if counts.rows_left_as_is:
        parts.append(f"{counts.rows_left_as_is} row(s) are left as they are by decision")
    return "; ".join(parts)


def _recommendation(counts: RowCounts) -> str | None:
    advice = []
    if counts.rows_unknown:
        advice.append(
            "A person decides what each unknown spelling means: `stagenorm inventory` lists them with suggestions, "
            "`stagenorm decisions` writes the file to fill in; then run again."
        )
    if counts.rows_to_change:
        advice.append(
            "`stagenorm run` plans and changes the known ones: they came after the plan, or it was not applied."
        )
    return " ".join(advice) or None
