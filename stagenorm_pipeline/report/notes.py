"""What a reader of the verdict must not miss: a report of a part, of work in progress, or with nothing to compare with.

Each note is a sentence or two; it may hold names from the data.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from stagenorm_pipeline.engine.verify.result import PlanFacts, Rule, VerificationResult
from stagenorm_pipeline.report.tables import moment, number
from stagenorm_pipeline.report.wording import scope_name

_IN_PROGRESS: Final = (
    "Batches are still pending or running: these are the figures of a migration in progress, not of a finished one."
)
_NAMED: Final = 3
_NO_BASELINE: Final = "There is nothing before to compare with: checks 1, 3, 4 and 5 passed without anything to judge."


def notes(result: VerificationResult) -> tuple[str, ...]:
    """All that apply, the weightiest first."""
    return tuple(_notes(result))


def _notes(result: VerificationResult) -> Iterator[str]:
    if result.in_progress:
        yield _IN_PROGRESS
    if not result.scope.all_funds:
        yield f"Only {scope_name(result.scope)} was verified: this is no verdict on the other funds."
    if not result.counts.rows_seen:
        yield "No row was found in what was verified: is this the right database, and the right scope?"
    yield from _signed(result)
    yield from _rollbacks(result)
    yield from _baselines(result)
    others = [plan for plan in result.plans if plan.vocabulary_version != result.vocabulary_version]
    if others:
        yield f"{_named(others)} made under another vocabulary than this report judges by."


def _signed(result: VerificationResult) -> Iterator[str]:
    if result.signed is None:
        return
    number, when = result.signed.verification_id, moment(result.signed.signed_off_at)
    if result.signed.is_compared:
        yield f"Compared with what verification {number}, signed on {when}, found; only what followed it is judged."
    elif result.check(Rule.AUDIT_CONSISTENCY).figures.get("signed_reports_altered"):
        yield f"The report of verification {number}, signed on {when}, was altered: nothing is compared with it."
    else:
        yield (
            f"Verification {number} was signed by a version that kept no report: there is nothing of it to compare "
            "with. Sign a new verification."
        )
    if result.signed.accepted_warnings is not None:
        by, why = result.signed.signed_off_by, result.signed.accepted_warnings
        yield f"The warnings of verification {number} were accepted by {by}: {why}"


def _rollbacks(result: VerificationResult) -> Iterator[str]:
    if result.rolled_back:
        is_compared = any(plan.is_baseline for plan in result.rolled_back)
        compared = " What was covered by that is compared with how it was before." if is_compared else ""
        yield f"{_named(result.rolled_back)} rolled back.{compared}"
    if result.undone is not None:
        restored, left = number(result.undone.restored), number(result.undone.left)
        yield f"Of the rows rolled back {restored} hold what was restored; {left} were left as others made them."


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
        yield f"No applied plan covers {_listed(without)}: there is nothing before to compare with."
    if in_part:
        yield f"Of {_listed(in_part)} only some funds have a before: those that an applied plan was about."


def _named(plans: Sequence[PlanFacts]) -> str:
    """`Plan 7 was` or `Plans 7, 8 and 9 were`."""
    listed = _listed([str(plan.plan_id) for plan in plans])
    return f"Plan {listed} was" if len(plans) == 1 else f"Plans {listed} were"


def _listed(names: Sequence[str]) -> str:
    """One or more names, at most three of them."""
    last = names[-1] if len(names) <= _NAMED else f"{len(names) - _NAMED} more"
    return " and ".join(filter(None, (", ".join(names[: min(len(names) - 1, _NAMED)]), last)))
