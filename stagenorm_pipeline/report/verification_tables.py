"""The tables of a verification report, the same for every form. How a table looks does not belong here."""

from collections.abc import Sequence

from stagenorm_pipeline.engine.inventory import SpellingTotal
from stagenorm_pipeline.engine.verification.result import (
    CheckResult,
    Finding,
    FundBreakdown,
    SampleRow,
    VerificationResult,
)
from stagenorm_pipeline.report.tables import Cell, Change, Difference, Name, Spelling, Table, number
from stagenorm_pipeline.report.wording import MARKS, OUTCOMES, figures_line, fund_name, rule_name
from stagenorm_pipeline.vocabulary import Suggestion, suggest


def checks_table(result: VerificationResult) -> Table:
    headings = ("Rule", "Outcome", "Result", "Figures", "Compared", "What to do")
    rows = tuple(
        (
            rule_name(check.rule),
            f"{MARKS[check.outcome]} {OUTCOMES[check.outcome]}",
            check.summary,
            figures_line(check),
            check.compared,
            check.recommendation,
        )
        for check in result.checks
    )
    return Table("The seven checks", headings, rows, len(rows), "checks")


def stage_totals(result: VerificationResult) -> dict[str, Change]:
    """Rows by stage over all targets; before is None where any target has no baseline."""
    totals: dict[str, Change] = {}
    for part in result.stages:
        total = totals.get(part.stage, Change(0, 0))
        before = None if total.before is None or part.before is None else total.before + part.before
        totals[part.stage] = Change(before, (total.now or 0) + part.after)
    return totals


def stages_table(result: VerificationResult) -> Table:
    rows = tuple((stage, *_before_and_now(total)) for stage, total in stage_totals(result).items())
    return Table("Before → after by stage", ("Stage", "Before", "Now", "Difference"), rows, len(rows), "stages")


def target_stages_table(result: VerificationResult) -> Table:
    rows = tuple(
        (Name(part.target), part.stage, *_before_and_now(Change(part.before, part.after))) for part in result.stages
    )
    headings = ("Target", "Stage", "Before", "Now", "Difference")
    return Table("Before → after by target and stage", headings, rows, len(rows), "stages")


def _before_and_now(counts: Change) -> tuple[Cell, ...]:
    if counts.before is None or counts.now is None:
        return counts.before, counts.now, Difference(None)
    return counts.before, counts.now, Difference(counts.now - counts.before)


def funds_table(result: VerificationResult) -> Table:
    headings = ("Fund", "Rows", "Canonical", "To change", "Unknown", "Left as is", "NULL", "Target")
    rows = tuple(_fund_row(fund) for fund in result.funds)
    return Table("Before → after by fund", headings, rows, len(rows), "funds")


def _fund_row(fund: FundBreakdown) -> tuple[Cell, ...]:
    def counted(kind: str) -> Change:
        return Change(*(None if side is None else getattr(side, kind) for side in (fund.before, fund.after)))

    kinds = ("rows_seen", "rows_canonical", "rows_to_change", "rows_unknown", "rows_left_as_is", "rows_null")
    return Name(fund_name(fund.fund_id)), *(counted(kind) for kind in kinds), Name(fund.target)


def finding_parts(finding: Finding) -> dict[str, Cell]:
    """What a finding says, by heading, without what does not apply to it."""
    parts: dict[str, Cell] = {
        "Found": finding.what,
        "Fund": Name(fund_name(finding.fund_id)) if finding.has_fund else None,
        "Row": None if finding.row_id is None else Name(finding.row_id),
        "Batch": None if finding.batch_id is None else Name(str(finding.batch_id)),
        "Before": None if finding.stage_before is None else Spelling(finding.stage_before),
        "After": None if finding.stage_after is None else Spelling(finding.stage_after),
        "Now": None if finding.stage_now is None else Spelling(finding.stage_now),
        "Rows": finding.rows,
        "Detail": finding.detail,
        "Target": None if finding.target is None else Name(finding.target),
    }
    return {heading: cell for heading, cell in parts.items() if cell is not None}


def findings_table(check: CheckResult) -> Table:
    """The findings of one check, under the headings that any of them needs."""
    found = [finding_parts(finding) for finding in check.findings]
    headings = tuple(heading for heading in _FINDING_HEADINGS if any(heading in parts for parts in found))
    rows = tuple(tuple(parts.get(heading) for heading in headings) for parts in found)
    return Table(f"{rule_name(check.rule)}: findings", headings, rows, check.findings_total, "findings")


_FINDING_HEADINGS = ("Found", "Fund", "Row", "Batch", "Before", "After", "Now", "Rows", "Detail", "Target")


def _most_first(entry: tuple[int, str, list[SpellingTotal]]) -> tuple[int, str]:
    return (-entry[0], entry[1])


def unknown_table(spellings: Sequence[SpellingTotal], total: int, limit: int) -> Table:
    """At most `limit` unknown spellings, each once, most rows first, with the nearest stages: never applied."""
    by_spelling: dict[str, list[SpellingTotal]] = {}
    for found in spellings:
        by_spelling.setdefault(found.spelling, []).append(found)
    merged = sorted(((sum(f.rows for f in same), text, same) for text, same in by_spelling.items()), key=_most_first)
    rows = tuple(
        (
            count,
            Spelling(text),
            "; ".join(number(found.funds) for found in same),
            "; ".join(map(_suggested, suggest(text, limit=2))) or "no suggestion",
            Name("; ".join(found.target for found in same)),
        )
        for count, text, same in merged[:limit]
    )
    headings = ("Rows", "Spelling", "Funds", "Suggestion", "Target")
    return Table("Unknown spellings left", headings, rows, total, "unknown spellings")


def _suggested(suggestion: Suggestion) -> str:
    return f"{suggestion.stage}? {suggestion.why}" if suggestion.stage else suggestion.why


def sample_table(result: VerificationResult) -> Table:
    headings = ("Row", "Fund", "Before", "Audited after", "Now", "Audit row", "Changed at", "Target")
    rows = tuple(_sample_row(row) for row in result.sample)
    return Table("Random sample of changed rows", headings, rows, len(rows), "rows")


def _sample_row(row: SampleRow) -> tuple[Cell, ...]:
    return (
        Name(row.row_id),
        Name(fund_name(row.fund_id)),
        Spelling(row.stage_before),
        Spelling(row.stage_after),
        Spelling(row.stage_now) if row.exists else "gone",
        Name(str(row.audit_id)),
        row.run_at,
        Name(row.target),
    )


def plans_table(result: VerificationResult) -> Table:
    headings = ("Plan", "Status", "Compared with", "Vocabulary version", "Made at", "By")
    rows = tuple(
        (
            Name(str(plan.plan_id)),
            plan.status,
            "yes" if plan.is_baseline else "no",
            Name(plan.vocabulary_version),
            plan.created_at,
            Name(plan.created_by),
        )
        for plan in result.plans
    )
    return Table("Plans covered", headings, rows, len(rows), "plans")
