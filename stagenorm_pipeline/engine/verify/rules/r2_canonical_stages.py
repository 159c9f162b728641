"""Rule 2: every stage is canonical, byte for byte. `Seed` and ` seed` are not. Rule 3 judges NULLs."""

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.engine.inventory.inventory import RowCounts, SpellingTotal, count_unknown_spellings
from stagenorm_pipeline.engine.verify.result import CheckResult, Finding, Rule, Severity, some_of_each
from stagenorm_pipeline.engine.verify.rules.description import RuleDescription
from stagenorm_pipeline.engine.verify.snapshot import Snapshot
from stagenorm_pipeline.engine.verify.target_facts import TargetFacts, read_noncanonical_rows
from stagenorm_pipeline.vocabulary import MeaningKind

DESCRIPTION = RuleDescription(
    rule=Rule.CANONICAL_STAGES,
    title="Canonical Stage Validation",
    proves="Every row with a stage holds a canonical stage, byte for byte.",
    cannot_know="Whether the stage is the right one for the company.",
    severity="An error. A warning if every other spelling was kept by decision or rolled back on purpose.",
)
_COMPARED = "every stored stage with the canonical ones, byte for byte"


def check(snapshot: Snapshot, targets: tuple[TargetFacts, ...], *, waiting: int) -> CheckResult:
    """Judge what the targets hold now. `waiting`: the number of pending and running batches."""
    counts = sum((facts.inventory.counts for facts in targets), RowCounts())
    figures = {
        "rows_checked": counts.rows_seen - counts.rows_null,
        "rows_canonical": counts.rows_canonical,
        "rows_unknown": counts.rows_unknown,
        "rows_messy": counts.rows_to_change,
        "rows_left_as_is": counts.rows_left_as_is,
        "rows_rolled_back": sum(facts.audited.restored.total for facts in targets),
        "unknown_spellings": count_unknown_spellings(tuple(facts.inventory for facts in targets)),
    }
    bad = counts.rows_unknown + counts.rows_to_change
    if not bad and not counts.rows_left_as_is:
        return CheckResult(
            rule=Rule.CANONICAL_STAGES,
            passed=True,
            severity=Severity.ERROR,
            summary="All stage values are canonical",
            compared=_COMPARED,
            figures=figures,
        )
    return CheckResult(
        rule=Rule.CANONICAL_STAGES,
        passed=False,
        severity=Severity.ERROR if bad > figures["rows_rolled_back"] else Severity.WARN,
        summary=_summary(figures),
        compared=_COMPARED,
        figures=figures,
        findings=_findings(snapshot, targets, has_more=bad + counts.rows_left_as_is > figures["rows_rolled_back"]),
        findings_total=bad + counts.rows_left_as_is + sum(map(_spellings_found, targets)),
        recommendation=_recommendation(figures, waiting),
    )


_WHAT = {
    MeaningKind.UNKNOWN: "unknown spelling",
    MeaningKind.MESSY: "known spelling, not normalized",
    MeaningKind.KEPT: "kept by decision",
}


def _spellings_found(facts: TargetFacts) -> int:
    named = (MeaningKind.MESSY, MeaningKind.KEPT)
    return facts.inventory.unknown_spellings + sum(s.kind in named for s in facts.inventory.spellings)


def _findings(snapshot: Snapshot, targets: tuple[TargetFacts, ...], *, has_more: bool) -> tuple[Finding, ...]:
    """The spellings with the most rows, then rows that were not rolled back, then rows that were."""
    spellings = [s for facts in targets for s in facts.inventory.spellings if s.kind is not MeaningKind.CANONICAL]
    found = [spelling_finding(spelling) for spelling in sorted(spellings, key=lambda s: -s.rows)]
    rows = [
        row
        for facts in targets
        if has_more and facts.inventory.counts
        for row in read_noncanonical_rows(snapshot, facts)
    ]
    return some_of_each(found, rows, [example for facts in targets for example in facts.audited.restored.examples])


def spelling_finding(spelling: SpellingTotal) -> Finding:
    return Finding(
        what=_WHAT[spelling.kind],
        target=spelling.target,
        stage_now=spelling.spelling,
        stage_after=spelling.stage,
        rows=spelling.rows,
        has_stage_now=True,
    )


def _summary(figures: dict[str, int]) -> str:
    parts = []
    undone = figures["rows_rolled_back"]
    unknown, messy = figures["rows_unknown"], figures["rows_messy"]
    if unknown:
        parts.append(f"{counted(unknown, 'row')} with {counted(figures['unknown_spellings'], 'unknown spelling')}")
    if messy:
        parts.append(f"{counted(messy, 'row')} with a known spelling that is not normalized")
    if undone:
        which = "all of these" if undone == unknown + messy else f"{undone:,} of these"
        parts.append(f"{which} were rolled back on purpose")
    if figures["rows_left_as_is"]:
        parts.append(f"{counted(figures['rows_left_as_is'], 'row')} kept by decision")
    return "; ".join(parts)


def _recommendation(figures: dict[str, int], waiting: int) -> str | None:
    """Return what to do; None if there is nothing to do."""
    advice = []
    if figures["rows_unknown"]:
        advice.append(
            "Decide what each unknown spelling means: `stagenorm inventory` lists them with suggestions, "
            "`stagenorm decisions` writes the file to fill in. Then run again."
        )
    if figures["rows_rolled_back"]:
        advice.append(
            "The rows that were rolled back are as they should be. `stagenorm run` makes a new plan for them once the "
            "reason for the rollback is gone."
        )
    if waiting:
        advice.append("Batches with known spellings are waiting: `stagenorm resume` applies them.")
    elif figures["rows_messy"] > figures["rows_rolled_back"]:
        advice.append(
            "`stagenorm run` plans and changes the known spellings. They came after the plan, or it was not applied."
        )
    return " ".join(advice) or None
