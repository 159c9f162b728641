"""The tables of a verification report, the same in every format."""

from collections.abc import Sequence
from dataclasses import dataclass

from stagenorm_pipeline.engine.inventory.inventory import RowCounts, SpellingTotal
from stagenorm_pipeline.engine.targets.funds import fund_order
from stagenorm_pipeline.engine.verify.result import (
    CheckResult,
    Finding,
    FundBreakdown,
    LeftAsIs,
    SampleRow,
    VerificationResult,
)
from stagenorm_pipeline.report.number_formats import number
from stagenorm_pipeline.report.tables import Cell, Change, Difference, Name, Spelling, Table, shown_of
from stagenorm_pipeline.report.wording import fund_name, rule_name
from stagenorm_pipeline.vocabulary import Suggestion, suggest


def stage_totals(result: VerificationResult) -> dict[str, Change]:
    """Add up the rows by stage over all targets. Before is None if any target has no baseline."""
    totals: dict[str, Change] = {}
    for part in result.stages:
        total = totals.get(part.stage, Change(before=0, now=0))
        before = None if total.before is None or part.before is None else total.before + part.before
        totals[part.stage] = Change(before=before, now=(total.now or 0) + part.after)
    return totals


def target_stages_table(result: VerificationResult) -> Table:
    rows = tuple(
        (part.stage, *_before_and_now(Change(before=part.before, now=part.after)), Name(text=part.target))
        for part in result.stages
    )
    headings = ("Stage", "Before", "Now", "Difference", "Target")
    return Table(
        title="Before → after by target and stage", headings=headings, rows=rows, total=len(rows), unit="stages"
    )


def _before_and_now(counts: Change) -> tuple[Cell, ...]:
    if counts.before is None or counts.now is None:
        return counts.before, counts.now, Difference(count=None)
    return counts.before, counts.now, Difference(count=counts.now - counts.before)


_COUNTS = ("rows_seen", "rows_canonical", "rows_to_change", "rows_unknown", "rows_left_as_is", "rows_null")


def funds_table(result: VerificationResult, limit: int) -> Table:
    """List the funds of each target before and now, with sums. If cut to `limit`: those with most rows left or lost."""
    headings = ("Fund", "Rows", "Canonical", "To change", "Unknown", "Kept", "NULL", "Target")
    shown = shown_of(len(result.funds), limit)
    chosen = result.funds if len(result.funds) <= shown else sorted(result.funds, key=_most_left)[:shown]
    rows = tuple(_fund_row(fund) for fund in sorted(chosen, key=lambda fund: fund_order(fund.fund_id)))
    return Table(
        title="Before → after by fund",
        headings=headings,
        rows=rows,
        total=len(result.funds),
        unit="funds" if len(result.targets) == 1 else "funds, counted in each target",
        sums=_sums(result) if rows else None,
        first="funds with most rows left to do, lost or without a stage",
    )


def _most_left(fund: FundBreakdown) -> int:
    now, before = fund.after or RowCounts(), fund.before or fund.after or RowCounts()
    left = now.rows_seen - now.rows_canonical
    return -left - max(0, before.rows_seen - now.rows_seen)


def _sums(result: VerificationResult) -> tuple[Cell, ...]:
    """Add up all funds. Before is not known if a target has no baseline."""
    is_known = all(part.before is not None for part in result.stages)
    before = sum((fund.before for fund in result.funds if fund.before), RowCounts())
    after = sum((fund.after for fund in result.funds if fund.after), RowCounts())
    changes = (Change(before=getattr(before, kind) if is_known else None, now=getattr(after, kind)) for kind in _COUNTS)
    return "all funds", *changes, "all targets"


def _fund_row(fund: FundBreakdown) -> tuple[Cell, ...]:
    def change(kind: str) -> Change:
        before, now = (None if side is None else getattr(side, kind) for side in (fund.before, fund.after))
        return Change(before=before, now=now)

    return Name(text=fund_name(fund.fund_id)), *(change(kind) for kind in _COUNTS), Name(text=fund.target)


def finding_parts(finding: Finding) -> dict[str, Cell]:
    """Return the parts of a finding by heading, without those that do not apply."""
    parts: dict[str, Cell] = {
        "Found": finding.what,
        "Fund": Name(text=fund_name(finding.fund_id)) if finding.has_fund else None,
        "Row": None if finding.row_id is None else Name(text=finding.row_id),
        "Batch": None if finding.batch_id is None else Name(text=str(finding.batch_id)),
        "Before": None if finding.stage_before is None else Spelling(text=finding.stage_before),
        "After": None if finding.stage_after is None else Spelling(text=finding.stage_after),
        "Now": Spelling(text=finding.stage_now) if finding.has_stage_now or finding.stage_now is not None else None,
        "Rows": finding.rows,
        "Detail": finding.detail,
        "Target": None if finding.target is None else Name(text=finding.target),
    }
    return {heading: cell for heading, cell in parts.items() if cell is not None}


def findings_table(check: CheckResult) -> Table:
    """List the findings of one check under the headings that they need."""
    found = [finding_parts(finding) for finding in check.findings]
    headings = tuple(heading for heading in _FINDING_HEADINGS if any(heading in parts for parts in found))
    rows = tuple(tuple(parts.get(heading) for heading in headings) for parts in found)
    return Table(
        title=f"{rule_name(check.rule)}: findings",
        headings=headings,
        rows=rows,
        total=check.findings_total,
        unit="findings",
    )


_FINDING_HEADINGS = ("Found", "Fund", "Row", "Batch", "Before", "After", "Now", "Rows", "Detail", "Target")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpellingInTargets:
    """A spelling with its rows in all targets, and the targets with the funds of each."""

    text: str
    rows: int
    funds: str
    targets: Name
    first: SpellingTotal | LeftAsIs

    @property
    def reason(self) -> str:
        """Why the spelling is kept; empty if it is not."""
        return self.first.reason if isinstance(self.first, LeftAsIs) else ""

    @property
    def suggestions(self) -> tuple[Suggestion, ...]:
        """What an unknown spelling may mean, best first."""
        return suggestions_of(self.first) if isinstance(self.first, SpellingTotal) else ()


def spellings_with_rows(found: Sequence[SpellingTotal | LeftAsIs]) -> list[SpellingInTargets]:
    """Add up each spelling over all targets, most rows first."""
    same: dict[str, list[SpellingTotal | LeftAsIs]] = {}
    for one in found:
        same.setdefault(one.spelling, []).append(one)
    added = (
        SpellingInTargets(
            text=text,
            rows=sum(one.rows for one in of_it),
            funds="; ".join(number(one.funds) for one in of_it),
            targets=Name(text="; ".join(one.target for one in of_it)),
            first=of_it[0],
        )
        for text, of_it in same.items()
    )
    return sorted(added, key=lambda one: (-one.rows, one.text))


def unknown_table(spellings: Sequence[SpellingTotal], total: int, limit: int) -> Table:
    """List at most `limit` unknown spellings, most rows first, with suggestions."""
    rows = tuple(
        (one.rows, Spelling(text=one.text), one.funds, suggested(one.suggestions), one.targets)
        for one in spellings_with_rows(spellings)[: shown_of(total, limit)]
    )
    headings = ("Rows", "Spelling", "Funds", "Suggestion", "Target")
    return Table(title="Unknown spellings left", headings=headings, rows=rows, total=total, unit="unknown spellings")


def suggestions_of(total: SpellingTotal) -> tuple[Suggestion, ...]:
    """Return what an unknown spelling may mean, best first."""
    return suggest(total.spelling) if total.suggestions is None else total.suggestions


def suggested(suggestions: Sequence[Suggestion]) -> str:
    """Write the best suggestions. Holds nothing from the data."""
    return "; ".join(map(_suggested, suggestions[:2])) or "no suggestion"


def _suggested(suggestion: Suggestion) -> str:
    return f"{suggestion.stage}? {suggestion.why}" if suggestion.stage else suggestion.why


def kept_table(result: VerificationResult, limit: int) -> Table:
    """List at most `limit` kept spellings, most rows first, with the reason of the decision."""
    rows = tuple(
        (one.rows, Spelling(text=one.text), one.funds, one.reason or "no reason given", one.targets)
        for one in spellings_with_rows(result.left_as_is)[: shown_of(result.left_as_is_spellings, limit)]
    )
    headings = ("Rows", "Spelling", "Funds", "Reason", "Target")
    return Table(
        title="Kept by decision",
        headings=headings,
        rows=rows,
        total=result.left_as_is_spellings,
        unit="spellings",
    )


def sample_table(result: VerificationResult) -> Table:
    headings = ("Row", "Fund", "Before", "Audited after", "Now", "Audit row", "Action", "Changed at", "Target")
    rows = tuple(_sample_row(row) for row in result.sample)
    return Table(title="Random sample of changed rows", headings=headings, rows=rows, total=len(rows), unit="rows")


def _sample_row(row: SampleRow) -> tuple[Cell, ...]:
    return (
        Name(text=row.row_id),
        Name(text=fund_name(row.fund_id)),
        Spelling(text=row.stage_before),
        Spelling(text=row.stage_after),
        Spelling(text=row.stage_now) if row.exists else "gone",
        Name(text=str(row.audit_id)),
        row.action,
        row.run_at,
        Name(text=row.target),
    )
