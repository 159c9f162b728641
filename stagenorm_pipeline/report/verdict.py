"""Say whether a verification may be signed, why, and what to do next. Every format shows these sentences.

They may quote the data, so each format escapes them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from shlex import quote
from typing import Final

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.engine.verify.result import CheckResult, Outcome, Rule, Verdict, VerificationResult
from stagenorm_pipeline.report.number_formats import number
from stagenorm_pipeline.report.sign_off_statement import record_command
from stagenorm_pipeline.report.wording import rule_name

_REASONS_NAMED: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStep:
    """One thing to do next. `command`: in a terminal. `click`: in Dagster. None: not possible there."""

    what: str
    command: str | None = None
    click: str | None = None


@dataclass(frozen=True, slots=True)
class _Reason:
    """Why a rule did not pass: the figures that count it, and the sentence for 1 and for more."""

    rule: Rule
    figures: tuple[str, ...]
    one: str
    more: str

    def sentence(self, count: int) -> str:
        return self.one if count == 1 else self.more.format(number(count))


_R1, _R2, _R3, _R4, _R5 = tuple(Rule)[:5]

# Records of stagenorm that disagree come first: no other figure can be trusted then.
_ALTERED: Final = (
    _Reason(_R5, ("signed_reports_altered",), "the signed report was altered", "{} signed reports were altered"),
    _Reason(
        _R5,
        ("differences_from_signed_report",),
        "1 difference from the signed report",
        "{} differences from the signed report",
    ),
    _Reason(_R5, ("plan_digests_that_differ",), "1 plan differs from its digest", "{} plans differ from their digests"),
    _Reason(
        _R5,
        ("batches_that_differ_from_receipts",),
        "audit rows of 1 batch differ from their receipts",
        "audit rows of {} batches differ from their receipts",
    ),
    _Reason(
        _R5,
        ("older_audit_rows_that_differ",),
        "1 older audit row is not as planned",
        "{} older audit rows are not as planned",
    ),
    _Reason(
        _R5,
        ("batches_that_disagree",),
        "1 batch disagrees with the audit log",
        "{} batches disagree with the audit log",
    ),
    _Reason(
        _R5,
        ("audit_rows_with_other_stages",),
        "1 audit row has a stage of no plan",
        "{} audit rows have a stage of no plan",
    ),
    _Reason(_R1, ("plans_gone",), "1 applied plan was deleted", "{} applied plans were deleted"),
    _Reason(_R1, ("baselines_gone",), "1 plan lost its baseline", "{} plans lost their baselines"),
    _Reason(_R1, ("complete_batches_deleted",), "1 complete batch was deleted", "{} complete batches were deleted"),
    _Reason(_R1, ("wrong_sums",), "the counts of 1 batch do not add up", "the counts of {} batches do not add up"),
    _Reason(_R1, ("wrong_statuses",), "1 batch has a status set by hand", "{} batches have a status set by hand"),
    _Reason(
        _R1, ("rows_never_planned",), "1 row in a batch was never planned", "{} rows in batches were never planned"
    ),
)
_BY_OTHER_SESSIONS: Final = (
    _Reason(
        _R5,
        ("rows_set_back",),
        "1 row that stagenorm changed holds its old spelling again",
        "{} rows that stagenorm changed hold their old spelling again",
    ),
    _Reason(
        _R4, ("audited_rows_gone",), "1 row that stagenorm changed is gone", "{} rows that stagenorm changed are gone"
    ),
    _Reason(
        _R3,
        ("audited_rows_now_null",),
        "1 row that stagenorm changed is NULL now",
        "{} rows that stagenorm changed are NULL now",
    ),
    _Reason(
        _R5,
        ("rows_changed_since",),
        "1 row was changed by another session since",
        "{} rows were changed by other sessions since",
    ),
    _Reason(
        _R4,
        ("audited_rows_moved",),
        "1 row that stagenorm changed is in another fund now",
        "{} rows that stagenorm changed are in other funds now",
    ),
    _Reason(
        _R5,
        ("rows_changed_unplanned",),
        "1 row left a canonical stage without a log entry",
        "{} rows left canonical stages without a log entry",
    ),
    _Reason(_R5, ("rows_left_by_rollback",), "1 row was left by a rollback", "{} rows were left by a rollback"),
    _Reason(_R4, ("rows_fewer",), "1 row fewer than in the baseline", "{} rows fewer than in the baseline"),
    _Reason(_R3, ("new_null",), "1 NULL more than in the baseline", "{} NULLs more than in the baseline"),
)
_REFUSED: Final = _Reason(_R1, ("rows_failed",), "the database refused 1 row", "the database refused {} rows")
_FAILED: Final = _Reason(_R1, ("failed_batches",), "1 batch failed", "{} batches failed")
_NOT_DONE: Final = _Reason(
    _R1, ("pending_batches", "running_batches"), "1 batch is not done", "{} batches are not done"
)
_LOST: Final = _Reason(_R1, ("rows_without_a_batch",), "1 planned row has no batch", "{} planned rows have no batch")


def verdict_sentence(result: VerificationResult) -> str:
    """Say in one sentence whether the verification may be signed, and the main reasons."""
    one_fund = "" if result.scope.all_funds else " for one fund"
    match result.verdict:
        case Verdict.FAILED:
            return f"Do not sign{one_fund}: {_named(reasons(result, Outcome.FAILED))}"
        case Verdict.PASSED_WITH_WARNINGS:
            warned = counted(result.count(Outcome.WARNED), "warning")
            return f"Ready to sign{one_fund} if you accept {warned}: {_named(reasons(result, Outcome.WARNED))}"
        case Verdict.PASSED:
            return f"Ready to sign{one_fund}{_canonical(result)}"


def reasons(result: VerificationResult, outcome: Outcome) -> tuple[str, ...]:
    """List why the checks with this outcome did not pass, most important first. A check that passed has no reason."""
    checks = {check.rule: check for check in result.checks if check.outcome is outcome and not check.passed}
    return tuple(_reasons(checks))


def next_steps(
    result: VerificationResult, verification_id: int | None = None, *, saved_as: str | None = None
) -> tuple[NextStep, ...]:
    """List what to do next, in order.

    `verification_id` None: the verification is not recorded. `saved_as`: the file that holds the JSON report already.
    """
    if result.verdict is not Verdict.FAILED:
        return tuple(_steps_to_sign(result, verification_id, saved_as))
    steps = (*_repairs(result), _verify_again(result))
    # One step may repair two causes: list it once.
    return tuple({step.command or step.what: step for step in reversed(steps)}.values())[::-1]


def next_command(
    result: VerificationResult, verification_id: int | None = None, *, saved_as: str | None = None
) -> str | None:
    """Return the first command of the next steps. None: the first thing to do needs no command of stagenorm."""
    return next_steps(result, verification_id, saved_as=saved_as)[0].command


def _named(found: tuple[str, ...]) -> str:
    rest = len(found) - _REASONS_NAMED
    more = (f"and {counted(rest, 'more reason')}",) if rest > 0 else ()
    return "; ".join((*found[:_REASONS_NAMED], *more))


def _canonical(result: VerificationResult) -> str:
    if not result.counts.rows_seen:
        return ", but no rows were found"
    if result.counts.rows_null:
        return (
            f": all {counted(result.counts.rows_canonical, 'row')} with a stage are canonical, "
            f"{number(result.counts.rows_null)} {'is' if result.counts.rows_null == 1 else 'are'} NULL"
        )
    return f": all {counted(result.counts.rows_canonical, 'row')} are canonical"


def _reasons(checks: Mapping[Rule, CheckResult]) -> Iterator[str]:
    explained: set[Rule] = set()
    for rule, sentence in _explained(checks):
        explained.add(rule)
        yield sentence
    yield from (f"{rule_name(rule)}: {check.summary}" for rule, check in checks.items() if rule not in explained)


def _explained(checks: Mapping[Rule, CheckResult]) -> Iterator[tuple[Rule, str]]:
    """Yield each reason that a figure counts, with its rule."""
    # A batch with a refused row has failed: one reason for both.
    batches = tuple(_counted_reason(checks, _REFUSED)) or tuple(_counted_reason(checks, _FAILED))
    yield from (found for reason in _ALTERED for found in _counted_reason(checks, reason))
    yield from (*batches, *_counted_reason(checks, _NOT_DONE), *_counted_reason(checks, _LOST))
    if _R2 in checks:
        yield from ((_R2, sentence) for sentence in _stage_reasons(checks[_R2]))
    yield from (found for reason in _BY_OTHER_SESSIONS for found in _counted_reason(checks, reason))


def _counted_reason(checks: Mapping[Rule, CheckResult], reason: _Reason) -> Iterator[tuple[Rule, str]]:
    check = checks.get(reason.rule)
    if check and (count := sum(check.figures.get(name, 0) for name in reason.figures)):
        yield reason.rule, reason.sentence(count)


def _stage_reasons(check: CheckResult) -> Iterator[str]:
    figures = check.figures
    unknown, messy, undone, kept = (
        figures.get(f"rows_{kind}", 0) for kind in ("unknown", "messy", "rolled_back", "left_as_is")
    )
    if undone and undone == unknown + messy:
        yield f"{_hold(undone)} what a rollback restored"
    elif unknown:
        spellings = counted(figures.get("unknown_spellings", 0), "spelling")
        yield f"{_hold(unknown)} {spellings} that nobody has decided"
    if messy and undone < unknown + messy:
        yield f"{_hold(messy)} a known spelling that is not normalized"
    if kept:
        yield f"{_hold(kept)} a spelling kept by decision"


def _hold(rows: int) -> str:
    return f"{counted(rows, 'row')} {'holds' if rows == 1 else 'hold'}"


def _steps_to_sign(result: VerificationResult, verification_id: int | None, saved_as: str | None) -> Iterator[NextStep]:
    if verification_id is None:
        yield NextStep(what="Record a verification to sign", command=_verify_command(result), click=_VERIFY_CLICK)
        return
    if saved_as is None:
        saved_as = f"verification-{verification_id}.json"
        yield NextStep(
            what="Save the JSON report",
            command=f"stagenorm report {verification_id} --output {saved_as}",
            click="open verification_report: the entry report_json has it",
        )
    yield NextStep(
        what="Read the report and its sample, then sign",
        command=record_command(result, verification_id, quote(saved_as)),
        click="open verification_report: the entry sign-off has the command",
    )


def _repairs(result: VerificationResult) -> Iterator[NextStep]:
    """Yield what removes the causes of the failed checks."""
    failed = {check.rule: check for check in result.checks if check.outcome is Outcome.FAILED}

    def counts(*found: _Reason) -> bool:
        return any(True for reason in found for _ in _counted_reason(failed, reason))

    if counts(*_ALTERED):
        yield NextStep(what="Restore the altered tables from a backup, and find out who can write them")
    if counts(*_BY_OTHER_SESSIONS):
        yield NextStep(
            what="List every row that another session changed, and find out who did",
            command="stagenorm verify --findings findings.jsonl",
            click="open the failed checks of verification_report",
        )
    if counts(_REFUSED, _FAILED):
        yield _resume("Fix what the database refused, then apply these batches again", result)
    if counts(_NOT_DONE):
        yield _resume("Apply the batches that are not done", result)
    yield from _decisions_and_runs(result, failed)


def _decisions_and_runs(result: VerificationResult, failed: Mapping[Rule, CheckResult]) -> Iterator[NextStep]:
    stages = failed[_R2].figures if _R2 in failed else {}
    unknown, messy, undone = (stages.get(f"rows_{kind}", 0) for kind in ("unknown", "messy", "rolled_back"))
    if unknown:
        yield NextStep(
            what=f"Decide on {counted(stages.get('unknown_spellings', 0), 'unknown spelling')}",
            command="stagenorm decisions",
            click="open stage_inventory: it lists them with suggestions",
        )
    is_waiting = result.in_progress and not unknown
    set_back = _R5 in failed and failed[_R5].figures.get("rows_set_back")
    lost = _R1 in failed and failed[_R1].figures.get("rows_without_a_batch")
    if not is_waiting and (unknown or messy > undone or set_back or lost):
        yield NextStep(
            what="Plan and apply what is left",
            command=f"stagenorm run{_scope(result)}",
            click="materialize batch_plan, then normalized_stages",
        )


def _resume(what: str, result: VerificationResult) -> NextStep:
    return NextStep(
        what=what, command=f"stagenorm resume{_scope(result)}", click="materialize these funds of normalized_stages"
    )


_VERIFY_CLICK: Final = "materialize verification_report"


def _verify_again(result: VerificationResult) -> NextStep:
    return NextStep(what="Verify again", command=_verify_command(result), click=_VERIFY_CLICK)


def _verify_command(result: VerificationResult) -> str:
    return f"stagenorm verify{_scope(result)}{' --strict' if result.strict else ''}"


def _scope(result: VerificationResult) -> str:
    if result.scope.all_funds:
        return ""
    return " --no-fund" if result.scope.fund_id is None else f" --fund-id {quote(result.scope.fund_id)}"
