"""The first screen of a report, the same in every format: may I sign, how far is it, what next, what was verified."""

from dataclasses import dataclass
from typing import Final

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.engine.verify.result import CheckResult, Outcome, PlanFacts, VerificationResult
from stagenorm_pipeline.report.charts import OTHER
from stagenorm_pipeline.report.notes import notes
from stagenorm_pipeline.report.number_formats import number
from stagenorm_pipeline.report.tables import Cell, Change, Name
from stagenorm_pipeline.report.verdict import NextStep, next_steps, verdict_sentence
from stagenorm_pipeline.report.verification_tables import stage_totals
from stagenorm_pipeline.report.wording import VERDICT_OUTCOMES, kinds_line, scope_name

_PLANS_NAMED: Final = 3
_TARGETS_NAMED: Final = 3
_WORST_FIRST: Final = (Outcome.FAILED, Outcome.WARNED, Outcome.PASSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsByKind:
    """The rows at one time: canonical, not canonical, NULL."""

    canonical: int
    other: int
    null: int

    @property
    def rows(self) -> int:
        return self.canonical + self.other + self.null


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstScreen:
    """What a reader sees first. `before` None: not known for every target."""

    outcome: Outcome
    sentence: str
    notes: tuple[str, ...]
    before: RowsByKind | None
    now: RowsByKind
    before_in_kinds: str
    now_in_kinds: str
    checks: tuple[CheckResult, ...]
    steps: tuple[NextStep, ...]
    facts: tuple[tuple[str, Cell], ...]

    @property
    def progress(self) -> str:
        """How many rows are canonical, before and now."""
        now = f"{number(self.now.canonical)} of {counted(self.now.rows, 'row')} canonical"
        return now if self.before is None else f"{number(self.before.canonical)} → {now}"


def first_screen(result: VerificationResult, verification_id: int | None = None) -> FirstScreen:
    """Put together the first screen of a report."""
    before, now = _rows_by_kind(result)
    return FirstScreen(
        outcome=VERDICT_OUTCOMES[result.verdict],
        sentence=verdict_sentence(result),
        notes=notes(result),
        before=before,
        now=now,
        before_in_kinds="" if before is None else _in_kinds(before),
        now_in_kinds=kinds_line(result.counts),
        checks=worst_first(result),
        steps=next_steps(result, verification_id),
        facts=_facts(result, verification_id),
    )


def _in_kinds(rows: RowsByKind) -> str:
    kinds = ((rows.canonical, "canonical"), (rows.other, "not canonical"), (rows.null, "NULL"))
    return ", ".join(f"{number(count)} {kind}" for count, kind in kinds if count) or "no rows"


def worst_first(result: VerificationResult) -> tuple[CheckResult, ...]:
    """Return the checks: failed, then warned, then passed."""
    return tuple(sorted(result.checks, key=lambda check: _WORST_FIRST.index(check.outcome)))


def _rows_by_kind(result: VerificationResult) -> tuple[RowsByKind | None, RowsByKind]:
    """Count the rows by kind, before and now. Before is None if some target has no baseline."""
    counts = result.counts
    now = RowsByKind(
        canonical=counts.rows_canonical,
        other=counts.rows_seen - counts.rows_canonical - counts.rows_null,
        null=counts.rows_null,
    )
    totals = stage_totals(result)
    if not totals or any(total.before is None for total in totals.values()):
        return None, now
    other, null = (totals.get(kind, Change(before=0, now=0)).before or 0 for kind in OTHER)
    canonical = sum(total.before or 0 for stage, total in totals.items() if stage not in OTHER)
    return RowsByKind(canonical=canonical, other=other, null=null), now


def _facts(result: VerificationResult, verification_id: int | None) -> tuple[tuple[str, Cell], ...]:
    facts: list[tuple[str, Cell]] = [
        ("Scope", Name(text=scope_name(result.scope))),
        ("Plan", _plans(result)),
        *((("Verification", Name(text=str(verification_id))),) if verification_id is not None else ()),
        ("Made at", result.created_at),
        ("By", Name(text=result.created_by)),
        ("Database", Name(text=result.database)),
        *(("Target", Name(text=target)) for target in result.targets[:_TARGETS_NAMED]),
        *((("More targets", more),) if (more := len(result.targets) - _TARGETS_NAMED) > 0 else ()),
    ]
    return tuple(facts)


def _plans(result: VerificationResult) -> str:
    plans = sorted((*result.plans, *result.rolled_back), key=lambda plan: plan.plan_id)
    if not plans:
        return "none applied" if result.signed is None else "none since the signed verification"
    rest = len(plans) - _PLANS_NAMED
    more = (f"{number(rest)} more",) if rest > 0 else ()
    return ", ".join((*map(_plan, plans[-_PLANS_NAMED:]), *more))


def _plan(plan: PlanFacts) -> str:
    return f"{plan.plan_id} ({plan.status.replace('_', ' ')})"
