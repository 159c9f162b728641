"""Group the findings of a check by kind and count each kind exactly, so that rows and spellings are not added up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from stagenorm_pipeline.engine.verify.result import CheckResult, Finding, Rule
from stagenorm_pipeline.report.tables import Table
from stagenorm_pipeline.report.verification_tables import finding_parts

_SPELLINGS: Final = ("unknown spelling", "kept by decision")
_LEFT: Final = "left by the rollback of its batch"


@dataclass(frozen=True, slots=True)
class _Kind:
    """Findings that are counted together, in `units`: by `figures`, less `minus`. `whats`: their phrases."""

    title: str
    units: str
    figures: tuple[str, ...]
    whats: tuple[str, ...]
    minus: tuple[str, ...] = ()

    def total(self, check: CheckResult) -> int:
        """Count the findings of this kind, if its figures do; otherwise 0."""
        return sum(check.figures.get(name, 0) for name in self.figures) - sum(
            check.figures.get(name, 0) for name in self.minus
        )


_R1, _R2, _R3, _R4, _R5 = tuple(Rule)[:5]

# Only kinds that the figures of their rule count exactly. Others are grouped by their own phrase.
_KINDS: Final[Mapping[Rule, tuple[_Kind, ...]]] = {
    _R1: (
        _Kind("Rows refused by the database", "rows", ("rows_failed",), ("row refused by the database",)),
        _Kind(
            "Batches not done",
            "batches",
            ("pending_batches", "running_batches"),
            tuple(f"batch{of} {status}" for of in ("", " of a rollback") for status in ("pending", "running")),
        ),
        _Kind(
            "Complete batches deleted", "batches", ("complete_batches_deleted",), ("complete batch that was deleted",)
        ),
        _Kind("Plans deleted", "plans", ("plans_gone",), ("plan that was deleted",)),
        _Kind("Baselines deleted", "plans", ("baselines_gone",), ("plan whose baseline was deleted",)),
    ),
    _R2: (
        _Kind(
            "Rows that are not canonical",
            "rows",
            ("rows_checked",),
            ("stage is not canonical",),
            minus=("rows_canonical", "rows_rolled_back"),
        ),
        _Kind("Rows that a rollback restored", "rows", ("rows_rolled_back",), ("rolled back on purpose",)),
    ),
    _R3: (
        _Kind(
            "Rows that stagenorm changed and that are NULL now",
            "rows",
            ("audited_rows_now_null",),
            ("changed by stagenorm, NULL now", "restored by a rollback, NULL now"),
        ),
    ),
    _R4: (
        _Kind(
            "Rows that stagenorm changed and that are gone",
            "rows",
            ("audited_rows_gone",),
            ("changed by stagenorm, row is gone", "restored by a rollback, row is gone"),
        ),
        _Kind(
            "Rows that stagenorm changed and that are in another fund",
            "rows",
            ("audited_rows_moved",),
            ("changed by stagenorm, in another fund now", "restored by a rollback, in another fund now"),
        ),
    ),
    _R5: (
        _Kind(
            "Batches that disagree with the audit log",
            "batches",
            ("batches_that_disagree",),
            (
                "batch and audit log disagree",
                "batch and audit log name other rows",
                "audit rows without a batch",
            ),
        ),
        _Kind(
            "Audit rows with a stage of no plan",
            "audit rows",
            ("audit_rows_with_other_stages",),
            ("audit rows with a stage that the plan does not write", "audit rows with a spelling that no plan read"),
        ),
        _Kind(
            "Rows that hold their old spelling again",
            "rows",
            ("rows_set_back",),
            (
                "changed by stagenorm, holds its old spelling again",
                "restored by a rollback, holds the undone stage again",
            ),
        ),
        _Kind(
            "Rows that other sessions changed since",
            "rows",
            ("rows_changed_since",),
            (
                "changed by stagenorm, then by another session",
                "restored by a rollback, then changed by another session",
            ),
        ),
    ),
}
_LEFT_ROWS: Final = _Kind("Rows that a rollback left", "rows", ("rows_left_by_rollback",), ())


def finding_groups(check: CheckResult) -> tuple[Table, ...]:
    """Group the findings of a check into one table for each kind, in the order of the rule.

    Unknown and kept spellings are left out: the result has all of them, not only examples.
    """
    groups: dict[_Kind, list[Finding]] = {}
    for finding in check.findings:
        if finding.what not in _SPELLINGS:
            groups.setdefault(_kind(check.rule, finding), []).append(finding)
    return tuple(_table(kind, check, found) for kind, found in groups.items())


def _kind(rule: Rule, finding: Finding) -> _Kind:
    if rule is _R5 and _LEFT in (finding.detail or finding.what) and "then changed" not in finding.what:
        return _LEFT_ROWS
    known = (kind for kind in _KINDS.get(rule, ()) if finding.what in kind.whats)
    what = finding.what
    return next(known, _Kind(f"{what[:1].upper()}{what[1:]}", "findings", (), (what,)))


def _table(kind: _Kind, check: CheckResult, found: Sequence[Finding]) -> Table:
    has_phrases = len({finding.what for finding in found}) > 1
    parts = [finding_parts(finding) for finding in found]
    columns = tuple(
        heading
        for heading in _HEADINGS
        if any(heading in part for part in parts) and (has_phrases or heading != "Found")
    )
    return Table(
        title=kind.title,
        headings=columns,
        rows=tuple(tuple(part.get(heading) for heading in columns) for part in parts),
        total=max(len(found), kind.total(check)),
        unit=kind.units,
    )


_HEADINGS: Final = ("Row", "Fund", "Batch", "Before", "After", "Now", "Rows", "Found", "Detail", "Target")
