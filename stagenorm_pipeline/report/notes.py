"""Notes that a reader of the verdict must see: partial scope, a migration in progress, no baseline.

Each note is one or two sentences and may hold names from the data.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.engine.verify.result import PlanFacts, Rule, VerificationResult
from stagenorm_pipeline.report.number_formats import moment
from stagenorm_pipeline.report.wording import scope_name

_IN_PROGRESS: Final = "Batches are still pending or running: the migration is not finished."
_NAMED: Final = 3
_NO_BASELINE: Final = "There is no baseline to compare with: checks 1, 3, 4 and 5 had nothing to judge."


def notes(result: VerificationResult) -> tuple[str, ...]:
    """List the notes that apply, most important first."""
    return tuple(_notes(result))


def _notes(result: VerificationResult) -> Iterator[str]:
    if result.in_progress:
        yield _IN_PROGRESS
    if not result.scope.all_funds:
        yield f"Only {scope_name(result.scope)} was verified. This report says nothing about other funds."
    if not result.counts.rows_seen:
        yield "No rows were found. Is this the right database and scope?"
    yield from _signed(result)
    yield from _rollbacks(result)
    yield from _baselines(result)


def _signed(result: VerificationResult) -> Iterator[str]:
    if result.signed is None:
        return
    number, when = result.signed.verification_id, moment(result.signed.signed_off_at)
    if result.signed.is_compared:
        yield f"Compared with verification {number}, signed on {when}. Only later changes are judged."
    elif result.check(Rule.AUDIT_CONSISTENCY).figures.get("signed_reports_altered"):
        yield f"The report of verification {number}, signed on {when}, was altered, so nothing is compared with it."
    else:
        yield (
            f"Verification {number} was signed with a version that stored no reports, so nothing is compared with it. "
            "Sign a new verification."
        )
    if result.signed.accepted_warnings is not None:
        by, why = result.signed.signed_off_by, result.signed.accepted_warnings
        yield f"The warnings of verification {number} were accepted by {by}: {why}"


def _rollbacks(result: VerificationResult) -> Iterator[str]:
    if result.rolled_back:
        is_compared = any(plan.is_baseline for plan in result.rolled_back)
        compared = " The rows are compared with the state before." if is_compared else ""
        yield f"{_named(result.rolled_back)} rolled back.{compared}"
    if result.undone is not None and result.undone.restored:
        yield f"{counted(result.undone.restored, 'row')} hold what the rollback restored."
    if result.undone is not None and result.undone.left:
        yield f"The rollback left {counted(result.undone.left, 'row')} as another session made them."


def _baselines(result: VerificationResult) -> Iterator[str]:
    if result.signed is not None and result.signed.is_compared:
        return
    plans = (*result.plans, *result.rolled_back)
    if not any(plan.is_baseline for plan in plans):
        yield _NO_BASELINE if plans else f"No plan was applied here yet. {_NO_BASELINE}"
        return
    without = [covered.target for covered in result.coverage if not covered.plans]
    in_part = [covered.target for covered in result.coverage if covered.plans and not covered.all_funds]
    if without:
        yield f"No applied plan covers {_listed(without)}: there is no baseline to compare with."
    if in_part:
        yield f"Only some funds of {_listed(in_part)} have a baseline: those that an applied plan covers."


def _named(plans: Sequence[PlanFacts]) -> str:
    """Return `Plan 7 was` or `Plans 7, 8 and 9 were`."""
    listed = _listed([str(plan.plan_id) for plan in plans])
    return f"Plan {listed} was" if len(plans) == 1 else f"Plans {listed} were"


def _listed(names: Sequence[str]) -> str:
    """List at most three names."""
    last = names[-1] if len(names) <= _NAMED else f"{len(names) - _NAMED} more"
    return " and ".join(filter(None, (", ".join(names[: min(len(names) - 1, _NAMED)]), last)))
