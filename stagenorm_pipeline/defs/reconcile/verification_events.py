"""What the page of `verification_report` shows: the verdict, what to do next, the report, and the seven checks."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import dagster as dg

from stagenorm_pipeline.defs.assets.asset_names import VERIFICATION_REPORT
from stagenorm_pipeline.defs.checks.check_verdict import CHECKS_KEY, check_verdicts, verdicts_to_metadata
from stagenorm_pipeline.defs.checks.runless import runless_evaluation
from stagenorm_pipeline.defs.dagster_internals import (
    ShownEvent,
    newest_materialization,
    newest_observation,
    newest_verdicts,
    report_runless_events,
)
from stagenorm_pipeline.defs.metadata.in_force import in_force
from stagenorm_pipeline.defs.metadata.verification_tables import funds_table, stages_table
from stagenorm_pipeline.defs.metadata.what_next import WhatNext
from stagenorm_pipeline.engine.monitor.recorded_state import VerificationState
from stagenorm_pipeline.engine.verify.recorded_verifications import RecordedReportError
from stagenorm_pipeline.engine.verify.result import Outcome, Verdict, VerificationResult
from stagenorm_pipeline.engine.verify.rules.registry import RULES
from stagenorm_pipeline.report.escape import for_markdown, sentence_for_terminal
from stagenorm_pipeline.report.json_reader import ReportReadError
from stagenorm_pipeline.report.report_form import ReportForm
from stagenorm_pipeline.report.summary import verdict_markdown
from stagenorm_pipeline.report.verdict import NextStep, next_steps, verdict_sentence
from stagenorm_pipeline.service.context import ServiceContext
from stagenorm_pipeline.service.verifying import VerificationReport, read_report

# The address under which somebody serves the reports. `stagenorm ui` does, and sets it.
REPORT_URL: Final = "STAGENORM_REPORT_URL"
# A page shows the verification as it is if these entries are equal.
_COMPARED: Final = ("verification_id", "signed off", "since then")
_HASH_SHOWN: Final = 16

Metadata = Mapping[str, dg.MetadataValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedVerifications:
    """How many events of verifications and evaluations of their checks were reported."""

    events: int = 0
    evaluations: int = 0


def report_verifications(
    instance: dg.DagsterInstance, service: ServiceContext, states: Sequence[VerificationState]
) -> ReportedVerifications:
    """Report the newest verification of everything, and the newest one of a part, unless the page shows them."""
    whole = next((state for state in states if state.is_whole), None)
    part = next((state for state in states if not state.is_whole), None)
    reported = ReportedVerifications()
    if whole is not None:
        reported = _report_whole(instance, service, whole)
    if part is not None and (whole is None or part.verification_id > whole.verification_id):
        reported = ReportedVerifications(
            events=reported.events + _report_part(instance, service, part), evaluations=reported.evaluations
        )
    return reported


def report_metadata(service: ServiceContext, report: VerificationReport, state: VerificationState) -> Metadata:
    """Return the entries of a verification's page. The page shows short values at once, in this order."""
    result = report.result
    return {
        # First, because it says if the verdict is out of date.
        **verification_next(report, state).metadata(),
        "verdict": dg.MetadataValue.md(verdict_markdown(result)),
        "report": _link_or_command(_report_path(report), f"stagenorm report {report.number} --output report.html"),
        "report_json": _link_or_command(
            _report_path(report, ".json"),
            f"stagenorm report {report.number} --output verification-{report.number}.json",
        ),
        "sign-off": dg.MetadataValue.text(_sign_off(report, state)),
        "signed off": dg.MetadataValue.text(_signed(state)),
        "since then": dg.MetadataValue.text(_SINCE[state.is_current]),
        "stages": stages_table(result),
        "funds": funds_table(result),
        "report as text": dg.MetadataValue.md(report.text(ReportForm.MARKDOWN)),
        "checks_passed": dg.MetadataValue.int(result.count(Outcome.PASSED)),
        "checks_warned": dg.MetadataValue.int(result.count(Outcome.WARNED)),
        "checks_failed": dg.MetadataValue.int(result.count(Outcome.FAILED)),
        "rows_seen": dg.MetadataValue.int(result.counts.rows_seen),
        "rows_canonical": dg.MetadataValue.int(result.counts.rows_canonical),
        "rows_not_canonical": dg.MetadataValue.int(_rows_not_canonical(result)),
        "unknown_spellings": dg.MetadataValue.int(result.unknown_spellings),
        "verification_id": dg.MetadataValue.text(str(report.number)),
        # A whole hash is one long word, which would widen the column and push the verdict off the page.
        "report_sha256": dg.MetadataValue.text(f"{report.sha256[:_HASH_SHOWN]}…"),
        "by": dg.MetadataValue.text(sentence_for_terminal(result.created_by)),
        **in_force(service),
        CHECKS_KEY: verdicts_to_metadata(result),
    }


_SINCE: Final = {
    True: "stagenorm has changed no row since",
    False: "stagenorm has changed rows since",
    None: "not known, because this verification is from an older version",
}


def verification_next(report: VerificationReport, state: VerificationState) -> WhatNext:
    """Return the verdict and what to do next."""
    result, sentence = report.result, sentence_for_terminal(verdict_sentence(report.result))
    if state.is_current is False:
        outdated = "stagenorm has changed rows since this verification. Materialize verification_report again. It said"
        return WhatNext(f"{outdated}: {sentence}", VERIFICATION_REPORT)
    if state.signed_off_by is not None:
        return WhatNext(f"Signed {_signed(state)}. {sentence}", VERIFICATION_REPORT)
    text = f"{sentence}. {_listed(next_steps(result, report.number))}"
    # A failed rule sends the reader to its check, on this page.
    page = None if result.verdict is Verdict.FAILED else _report_path(report)
    return WhatNext(text, page or VERIFICATION_REPORT)


def _listed(steps: Sequence[NextStep]) -> str:
    listed = (
        f"{step.what}: {step.click or step.command}" if step.click or step.command else step.what for step in steps
    )
    return sentence_for_terminal(" ".join(f"{number}. {words}." for number, words in enumerate(listed, 1)))


def _link_or_command(path: str | None, command: str) -> dg.MetadataValue:
    """Return the link to a report, or the command that writes it if nobody serves reports."""
    return dg.MetadataValue.text(command) if path is None else dg.MetadataValue.url(path)


def _report_path(report: VerificationReport, suffix: str = "") -> str | None:
    """Return the link to a stored report. None if the environment does not say where reports are served."""
    base = os.environ.get(REPORT_URL, "").strip().rstrip("/")
    if not base.startswith(("http://", "https://", "/")):
        return None
    # With the hash: one instance may show several databases, and each numbers its verifications from 1.
    return f"{base}/{report.number}{suffix}?sha256={report.sha256[:8]}"


def _sign_off(report: VerificationReport, state: VerificationState) -> str:
    """Return the commands that record the signature, in short words: a long one widens the column."""
    if state.signed_off_by is not None:
        return "nothing to do"
    if report.result.verdict is Verdict.FAILED:
        return "not to be signed"
    commands = [step.command for step in next_steps(report.result, report.number) if step.command]
    return "As a role that may sign: " + " && ".join(commands)


def _signed(state: VerificationState) -> str:
    return sentence_for_terminal(f"by {state.signed_off_by}") if state.signed_off_by is not None else "no"


def _rows_not_canonical(result: VerificationResult) -> int:
    return result.counts.rows_seen - result.counts.rows_canonical - result.counts.rows_null


def _report_whole(
    instance: dg.DagsterInstance, service: ServiceContext, state: VerificationState
) -> ReportedVerifications:
    newest = newest_materialization(instance, VERIFICATION_REPORT)
    checks = [dg.AssetCheckKey(VERIFICATION_REPORT, rule.value) for rule in RULES]
    is_shown = _is_shown(state, newest)
    if is_shown and all(verdict.is_current for verdict in newest_verdicts(instance, checks).values()):
        return ReportedVerifications()
    report = _read(service, state)
    if report is None:
        return ReportedVerifications()
    if not is_shown:
        event = dg.AssetMaterialization(VERIFICATION_REPORT, metadata=report_metadata(service, report, state))
        report_runless_events(instance, [event])
    verdicts = check_verdicts(report.result).values()
    report_runless_events(instance, [runless_evaluation(verdict.as_check_result()) for verdict in verdicts])
    return ReportedVerifications(events=int(not is_shown), evaluations=len(verdicts))


def _report_part(instance: dg.DagsterInstance, service: ServiceContext, state: VerificationState) -> int:
    """Report a verification of one fund or table as an observation, which leaves the checks as they are."""
    if _is_shown(state, newest_observation(instance, VERIFICATION_REPORT)):
        return 0
    report = _read(service, state)
    if report is None:
        return 0
    result = report.result
    scope = dg.MetadataValue.md(for_markdown(f"{result.scope.label}: {', '.join(result.targets)}"))
    metadata = {"of a part": scope, **report_metadata(service, report, state)}
    report_runless_events(instance, [dg.AssetObservation(VERIFICATION_REPORT, metadata=metadata)])
    return 1


def _is_shown(state: VerificationState, shown: ShownEvent | None) -> bool:
    if shown is None:
        return False
    now = {
        "verification_id": str(state.verification_id),
        "signed off": _signed(state),
        "since then": _SINCE[state.is_current],
    }
    return all(shown.metadata.get(name) == now[name] for name in _COMPARED)


def _read(service: ServiceContext, state: VerificationState) -> VerificationReport | None:
    """Read a recorded report; None if it was not stored, was altered, or is of another version."""
    try:
        report = read_report(service, number=state.verification_id)
        # Reads the JSON.
        _ = report.result
    except (RecordedReportError, ReportReadError):
        return None
    return report
