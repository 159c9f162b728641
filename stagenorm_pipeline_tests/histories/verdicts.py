"""The specification of a verification: what it must report, what it may report, and that it reports nothing else."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.verify.result import Outcome, Rule
from stagenorm_pipeline.vocabulary import MeaningKind, Vocabulary
from stagenorm_pipeline_tests.histories.facts import TABLES, BrokenLaw, Entry, Key, Plan, Row, covers
from stagenorm_pipeline_tests.histories.model import WAITING, Model
from stagenorm_pipeline_tests.support.spellings import CANONICAL_STAGES

R1, R2, R3, R4, R5 = (
    Rule.BATCH_TRACKING,
    Rule.CANONICAL_STAGES,
    Rule.NULL_INTEGRITY,
    Rule.ROW_COUNTS,
    Rule.AUDIT_CONSISTENCY,
)
OF_ROWS = (R3, R4, R5)
WARNED, FAILED = Outcome.WARNED, Outcome.FAILED
_GRAVITY = {Outcome.PASSED: 0, Outcome.WARNED: 1, Outcome.FAILED: 2}
_CANONICAL = frozenset(map(str, CANONICAL_STAGES))

# Up to so many rows may be explained by other sessions: the larger of the two.
BOUND_ROWS, BOUND_SHARE = 20, 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why one of `rules` must not pass (`is_certain`), or need not; it counts as `at_least` then."""

    what: str
    rules: tuple[Rule, ...]
    at_least: Outcome
    is_certain: bool = True


def broken_laws(
    model: Model, outcomes: Mapping[Rule, Outcome], *, scope: FundScope, strict: bool, vocabulary: Vocabulary
) -> Iterator[BrokenLaw]:
    """Hold a verification's outcomes against what happened."""
    reasons = list(reasons_for(model, scope, vocabulary))
    for reason in reasons:
        at_least = FAILED if strict else reason.at_least
        if reason.is_certain and all(_GRAVITY[outcomes[rule]] < _GRAVITY[at_least] for rule in reason.rules):
            yield BrokenLaw(f"a verification reports {reason.what}", f"{reason}: {_shown(outcomes)}")
    for rule, outcome in outcomes.items():
        if outcome is Outcome.PASSED:
            continue
        gravest = max((_GRAVITY[reason.at_least] for reason in reasons if rule in reason.rules), default=0)
        if gravest == 0 or (_GRAVITY[outcome] > gravest and not strict):
            yield BrokenLaw("a verification reports nothing where nothing happened", f"{rule}: {_shown(outcomes)}")


def _shown(outcomes: Mapping[Rule, Outcome]) -> str:
    return ", ".join(f"{rule.value[:2]} {outcome.value}" for rule, outcome in outcomes.items())


def reasons_for(model: Model, scope: FundScope, vocabulary: Vocabulary) -> Iterator[Reason]:
    """Everything that a verification of the scope has to report now, or may."""
    yield from _unfinished_work(model, scope)
    yield from _stages(model, scope, vocabulary)
    yield from _changed_rows(model, scope)
    yield from _since_signature(model, scope)
    yield from _other_rows(model)
    yield from _losses(model, scope)
    yield from _tampering(model, scope)


def _unfinished_work(model: Model, scope: FundScope) -> Iterator[Reason]:
    edited = any(found.what.startswith("a status") for found in model.tampering)
    for batch in model.batches.values():
        is_open = batch.plan in model.plans and model.plans[batch.plan].status == "open"
        if batch.status in WAITING and is_open and covers(scope, batch.fund):
            yield Reason(what="a batch that waits or failed", rules=(R1,), at_least=FAILED, is_certain=not edited)
    opened = {plan.id: number for number, plan in enumerate(model.opened)}
    for lost in model.lost:
        later = (
            plan
            for plan in model.opened[opened.get(lost.plan, -1) + 1 :]
            if lost.table in plan.tables and covers(plan.scope, lost.fund) and _reaches(plan, lost.plan)
        )
        if lost.plan in opened and not any(later):
            yield Reason(what="a deleted batch", rules=(R1,), at_least=FAILED, is_certain=False)


def _reaches(later: Plan, earlier: int) -> bool:
    """Whether a later plan plans or undoes everything that the earlier one planned, within its own scope."""
    return not later.is_limited and later.undone_plan in (None, earlier)


def _may_have_undone(plan: Plan, earlier: int) -> bool:
    return plan.kind == "rollback" and plan.status == "completed" and plan.undone_plan in (None, earlier)


def _stages(model: Model, scope: FundScope, vocabulary: Vocabulary) -> Iterator[Reason]:
    newest = {key: entries[-1] for key, entries in model.entries_by_row().items()}
    for key, row in model.rows.items():
        if row.stage is None or row.stage in _CANONICAL or not covers(scope, row.fund):
            continue
        entry = newest.get(key)
        is_restored = entry is not None and entry.action == "rollback" and entry.after == row.stage
        is_kept = vocabulary.meaning_of(row.stage).kind is MeaningKind.KEPT
        is_on_purpose = is_kept or is_restored
        what = "a stage that is not canonical"
        yield Reason(what=what, rules=(R2,), at_least=WARNED if is_on_purpose else FAILED)
        # What was rolled back before a sign-off, or in another fund, need not count as on purpose.
        is_settled = key in model.accepted or (entry is not None and not covers(scope, entry.fund))
        if is_restored and (is_settled or model.tampering):
            yield Reason(what=what, rules=(R2,), at_least=FAILED, is_certain=False)


def _changed_rows(model: Model, scope: FundScope) -> Iterator[Reason]:
    """Rows that stagenorm changed and that do not hold what it wrote last."""
    for key, entries in model.entries_by_row().items():
        entry, now = entries[-1], model.rows.get(key)
        if key in model.spoiled:
            yield Reason(what="a row of an altered log", rules=OF_ROWS, at_least=FAILED, is_certain=False)
            continue
        if not covers(scope, entry.fund):
            # A verification of one fund may see what came into it, or left.
            yield Reason(what="a row of another fund", rules=OF_ROWS, at_least=FAILED, is_certain=False)
            continue
        accepted = model.accepted.get(key)
        if accepted is None or accepted.last_entry < entry.id:
            yield from _since_entry(model, entry, now)
        elif accepted.row is not None and accepted.row.stage == entry.after:
            # Compared by counts (see `_since_signature`): one canonical stage for another is information.
            if now is None or now.stage != entry.after:
                what = "a row that changed since the sign-off"
                yield Reason(what=what, rules=OF_ROWS, at_least=FAILED, is_certain=False)
        else:
            yield Reason(what="an accepted change", rules=OF_ROWS, at_least=FAILED, is_certain=False)
        batch = model.batches.get(entry.batch)
        if batch is not None and batch.status == "rolled_back" and entry.action == "normalize":
            yield Reason(what="a row that a rollback left", rules=OF_ROWS, at_least=WARNED, is_certain=False)


def _since_signature(model: Model, scope: FundScope) -> Iterator[Reason]:
    """Rows and stages that are missing, compared with what was signed, by table and fund."""
    signed = model.signed_rows
    # A rollback since then may cancel the signature's effect: then the comparison is with an older state.
    if signed is None or not scope.all_funds or model.is_signature_undone:
        return
    if _rows_by_fund(signed) - _rows_by_fund(model.rows):
        yield Reason(what="fewer rows than were signed", rules=(R4,), at_least=WARNED)
    if _nulls_by_fund(model.rows) - _nulls_by_fund(signed):
        yield Reason(what="more NULLs than were signed", rules=(R3,), at_least=WARNED)


def _rows_by_fund(rows: Mapping[Key, Row]) -> Counter[tuple[str, str | None]]:
    return Counter((key[0], row.fund) for key, row in rows.items())


def _nulls_by_fund(rows: Mapping[Key, Row]) -> Counter[tuple[str, str | None]]:
    return Counter((key[0], row.fund) for key, row in rows.items() if row.stage is None)


def _since_entry(model: Model, entry: Entry, now: Row | None) -> Iterator[Reason]:
    batch = model.batches.get(entry.batch)
    is_left = batch is not None and batch.status == "rolled_back" and entry.action == "normalize"
    context = _context(model, entry)
    if now is None:
        yield Reason(what=f"a changed row that is gone{context}", rules=(R4,), at_least=WARNED)
    elif now.stage is None:
        yield Reason(what=f"a changed row that is NULL now{context}", rules=(R3,), at_least=WARNED)
    elif now.stage == entry.before and not is_left:
        # A status edited by hand can make it look left by a rollback: a warning then. After its batch was deleted,
        # nobody can tell whether a finished rollback of its plan left it.
        edited = any(found.what.startswith("a status") for found in model.tampering) or (
            batch is None and any(_may_have_undone(plan, entry.plan) for plan in model.plans.values())
        )
        at_least = WARNED if edited else FAILED
        yield Reason(what=f"a row that holds its old spelling again{context}", rules=(R5,), at_least=at_least)
        yield Reason(what="a row set back", rules=(R5,), at_least=FAILED, is_certain=False)
    elif now.stage != entry.after:
        yield Reason(what=f"a changed row that changed since{context}", rules=(R5,), at_least=WARNED)
    if now is not None and now.fund != entry.fund:
        yield Reason(what="a row in another fund", rules=(R4,), at_least=WARNED, is_certain=False)


def _context(model: Model, entry: Entry) -> str:
    """What had been done to the tracking tables before, so that findings with different causes have different names."""
    parts = []
    if any(lost.plan == entry.plan for lost in model.lost):
        parts.append("the runbook's DELETE")
    parts += sorted({found.what for found in model.tampering})
    if model.signed_up_to:
        parts.append("a sign-off")
    return f", after {' and '.join(parts)}" if parts else ""


def _other_rows(model: Model) -> Iterator[Reason]:
    """What other sessions did to rows that stagenorm never changed: it may be listed."""
    if model.others_nulled:
        yield Reason(what="NULLs of others", rules=(R3,), at_least=WARNED, is_certain=False)
    if model.others_removed:
        yield Reason(what="rows that others removed or moved", rules=(R3, R4), at_least=WARNED, is_certain=False)


def _losses(model: Model, scope: FundScope) -> Iterator[Reason]:
    """So much is lost that it cannot be other sessions' ordinary work."""
    if not scope.all_funds:
        yield from _possible_losses(model)
        return
    newest = {
        key: entries[-1]
        for key, entries in model.entries_by_row().items()
        if entries[-1].id > model.signed_up_to and entries[-1].action == "normalize"
    }
    states = {key: _state(model.rows.get(key), entry) for key, entry in newest.items()}
    kinds = set(states.values())
    # Once a plan is undone and another one applied, only that one's baseline is compared with.
    undone = any(plan.kind == "rollback" for plan in model.opened)
    if len(states) > 1 and len(kinds) == 1 and "holds" not in kinds and not undone:
        (kind,) = kinds
        yield Reason(what=f"the loss of all changed rows: {kind}", rules=OF_ROWS, at_least=FAILED)
    lost = sum(state != "holds" for state in states.values())
    bound = max(BOUND_ROWS, BOUND_SHARE * len(states))
    if lost > bound and not undone:
        yield Reason(what="more changed rows that changed since than the bound", rules=OF_ROWS, at_least=FAILED)
    unplanned = 0 if undone else _unplanned_changes(model, set(model.entries_by_row()))
    if unplanned > max(BOUND_ROWS, BOUND_SHARE * len(model.rows)):
        what = "more canonical rows that changed than the bound"
        yield Reason(what=what, rules=OF_ROWS, at_least=FAILED, is_certain=not _may_lack_baseline(model))
    for table in TABLES if model.baseline is not None and not undone else ():
        had_rows = any(key[0] == table for key in model.baseline or {})
        if had_rows and not any(key[0] == table for key in model.rows):
            # If nothing in it was changed, only the baseline tells that it had rows. Its deletion is reported itself.
            is_changed = any(entry.key[0] == table for entry in model.log)
            is_certain = is_changed or not _may_lack_baseline(model)
            yield Reason(what="the loss of a whole table", rules=OF_ROWS, at_least=FAILED, is_certain=is_certain)
    yield from _possible_losses(model)


def _may_lack_baseline(model: Model) -> bool:
    """Whether the plan's counts were deleted, and no signature has them. The deletion itself must be reported."""
    is_deleted = any(found.what in ("a deleted plan", "a deleted baseline") for found in model.tampering)
    return is_deleted and None not in model.counted


def _state(row: Row | None, entry: Entry) -> str:
    if row is None:
        return "gone"
    if row.stage is None:
        return "NULL"
    return "holds" if row.stage == entry.after else f"on {row.stage}"


def _possible_losses(model: Model) -> Iterator[Reason]:
    """Of one table or fund alone all may be lost, which may count as an error; so may many changes before a plan."""
    changed = {key for key in model.entries_by_row() if key in model.others_changed}
    emptied = {key[0] for key in model.others_changed} - {key[0] for key in model.rows if model.rows[key].stage}
    if changed or emptied or len(model.others_changed) > BOUND_ROWS:
        yield Reason(what="possible loss", rules=OF_ROWS, at_least=FAILED, is_certain=False)


def _unplanned_changes(model: Model, audited: set[Key]) -> int:
    """Canonical rows that nobody planned, by how many each table has fewer of a stage than in the baseline."""
    if model.baseline is None:
        return 0
    fewer = 0
    for table in TABLES:
        before, now = (_canonical_stages(rows, table, audited) for rows in (model.baseline, model.rows))
        fewer += sum((before - now).values())
    return fewer


def _canonical_stages(rows: Mapping[Key, Row], table: str, audited: set[Key]) -> Counter[str]:
    return Counter(
        row.stage
        for key, row in rows.items()
        if key[0] == table and key not in audited and row.stage is not None and row.stage in _CANONICAL
    )


def _tampering(model: Model, scope: FundScope) -> Iterator[Reason]:
    for found in model.tampering:
        is_seen = scope.all_funds or scope == found.scope
        yield Reason(what=found.what, rules=(R1, R5), at_least=FAILED, is_certain=found.is_certain and is_seen)
        yield Reason(what=found.what, rules=(R1, R2, *OF_ROWS), at_least=FAILED, is_certain=False)
