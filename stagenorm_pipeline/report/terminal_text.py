"""Write a verification for a terminal. It starts with the runbook's report, word for word."""

from collections.abc import Iterator
from typing import Final

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.engine.verify.result import CheckResult, Finding, Outcome, VerificationResult
from stagenorm_pipeline.engine.verify.rules.registry import RULES
from stagenorm_pipeline.report.escape import for_terminal, sentence_for_terminal
from stagenorm_pipeline.report.limits import Limits
from stagenorm_pipeline.report.notes import notes
from stagenorm_pipeline.report.sections import Section, outline
from stagenorm_pipeline.report.sign_off_statement import FIELDS, RECORD, is_to_sign, record_command, statement
from stagenorm_pipeline.report.tables import duration
from stagenorm_pipeline.report.target_names import short_names
from stagenorm_pipeline.report.terminal_layout import (
    PLAIN,
    Colour,
    Screen,
    facts,
    folded,
    next_line,
    rows_lines,
    shown,
    text_of,
    wrapped,
)
from stagenorm_pipeline.report.verdict import next_command, verdict_sentence
from stagenorm_pipeline.report.verification_tables import finding_parts, findings_table
from stagenorm_pipeline.report.wording import (
    MARKS,
    OUTCOMES,
    VERDICT_OUTCOMES,
    about,
    figures_line,
    rows_line,
    rule_name,
    verdict_line,
)

_LINE: Final = "=" * 80
_FINDINGS: Final = 5
# No findings here: they are listed below the checks already.
_LIMITS: Final = Limits(stages=80, funds=12, findings=0, spellings=15, sample=5, plans=10)
_COLOURS: Final = {Outcome.PASSED: Colour.GREEN, Outcome.WARNED: Colour.YELLOW, Outcome.FAILED: Colour.RED}
_STAGES: Final = {"Before": "before", "After": "after", "Now": "now"}
# In this order: what failed comes first.
_NOT_PASSED: Final = (Outcome.FAILED, Outcome.WARNED)


def verification_summary(result: VerificationResult, screen: Screen = PLAIN) -> str:
    """Write the runbook's report and, below it, what the failed and warned checks found. `verdict_text` follows."""
    return text_of((*_runbook_report(result, screen), *_all_findings(result, screen), *_notes(result, screen)))


def verdict_text(
    result: VerificationResult,
    *,
    verification_id: int | None = None,
    saved_as: str | None = None,
    screen: Screen = PLAIN,
) -> str:
    """Write the verdict and the next command: the last lines of every form. Parameters as for `next_steps`."""
    colour = _COLOURS[VERDICT_OUTCOMES[result.verdict]]
    command = next_command(result, verification_id, saved_as=saved_as)
    return text_of(
        (
            *(screen.coloured(line, colour) for line in wrapped(_sentence(verdict_sentence(result)), screen)),
            *(next_line(command, screen) if command else ()),
        )
    )


def verification_text(
    result: VerificationResult,
    *,
    sha256: str | None = None,
    verification_id: int | None = None,
    screen: Screen = PLAIN,
) -> str:
    """Write the whole verification report.

    `sha256`: the hash of the JSON. `verification_id`: the number of the recorded verification.
    """
    return text_of(
        (
            verification_summary(result, screen),
            *_beyond_the_runbook(result, sha256, verification_id, screen),
            "",
            verdict_text(result, verification_id=verification_id, screen=screen),
        )
    )


def _runbook_report(result: VerificationResult, screen: Screen) -> Iterator[str]:
    yield from (_LINE, "VERIFICATION REPORT", _LINE, "", "SUMMARY:")
    yield f"  Total Checks: {len(result.checks)}"
    yield f"  Passed: {result.count(Outcome.PASSED)}"
    yield f"  Failed: {result.count(Outcome.FAILED)}"
    yield f"  Warnings: {result.count(Outcome.WARNED)}"
    yield from ("", "CHECKS:")
    for check in result.checks:
        yield from _marked(check, f"{RULES[check.rule].title}: {_sentence(check.summary)}", screen, indent=2)
    yield from ("", _LINE)


def _marked(check: CheckResult, text: str, screen: Screen, *, indent: int) -> Iterator[str]:
    """Write a line of a check with the coloured mark of its outcome."""
    mark = MARKS[check.outcome]
    first, *others = wrapped(f"{mark} {text}", screen, indent=indent)
    yield first.replace(mark, screen.coloured(mark, _COLOURS[check.outcome]), 1)
    yield from others


def _all_findings(result: VerificationResult, screen: Screen) -> Iterator[str]:
    """Write what the checks found that did not pass, failed ones first."""
    for outcome in _NOT_PASSED:
        for check in (check for check in result.checks if check.outcome is outcome):
            yield ""
            yield from _marked(check, f"{rule_name(check.rule)} ({OUTCOMES[outcome]})", screen, indent=0)
            yield from _findings(check, result, screen)


def _findings(check: CheckResult, result: VerificationResult, screen: Screen) -> Iterator[str]:
    names = short_names(result.targets)
    for finding in check.findings[:_FINDINGS]:
        yield from folded(f"- {_finding(finding, names.get(finding.target or '', ''))}", screen, indent=4)
    if rest := findings_table(check).cut(_FINDINGS).rest:
        yield from wrapped(rest, screen, indent=4)
    if check.recommendation:
        yield from wrapped(f"What to do: {_sentence(check.recommendation)}", screen, indent=4)


def _finding(finding: Finding, short_target: str) -> str:
    """Write a finding in a sentence: `unknown spelling: "Seed Round", 3,211 rows in portfoliocompanies`."""
    parts = finding_parts(finding)
    stages = [f"{word} {shown(parts[name])}" for name, word in _STAGES.items() if name in parts]
    if len(stages) == 1:
        stages = [stages[0].partition(" ")[2]]
    details = [
        *(shown(parts[name]) for name in ("Fund",) if name in parts),
        *(f"{name.lower()} {shown(parts[name])}" for name in ("Row", "Batch") if name in parts),
        *stages,
        *([] if finding.rows is None else [counted(finding.rows, "row")]),
        *(shown(parts[name]) for name in ("Detail",) if name in parts),
    ]
    place = "" if finding.target is None else f" in {for_terminal(short_target or finding.target)}"
    return f"{_sentence(finding.what)}: {', '.join(details)}{place}" if details else f"{_sentence(finding.what)}{place}"


def _notes(result: VerificationResult, screen: Screen) -> Iterator[str]:
    found = (*_against(result), *notes(result))
    if found:
        yield ""
    for note in found:
        yield from wrapped(f"NOTE: {_sentence(note)}", screen)


def _against(result: VerificationResult) -> Iterator[str]:
    """Say what the comparison with a signed report found."""
    found = result.against
    if found is None:
        return
    record = "of which this database has no record"
    if found.verification_id is not None:
        signed = "not signed" if found.signed_off_by is None else f"signed by {found.signed_off_by}"
        record = f"verification {found.verification_id}, {signed}"
    compared = f"{counted(found.plans_compared, 'plan')} compared, {counted(found.differences, 'difference')}"
    yield f"Compared with a signed report ({record}): {compared}."


def _beyond_the_runbook(
    result: VerificationResult, sha256: str | None, verification_id: int | None, screen: Screen
) -> Iterator[str]:
    yield from ("", *wrapped(verdict_line(result), screen))
    yield from wrapped(f"Now {rows_line(result.counts)}.", screen)
    yield from ("", "THE CHECKS IN FIGURES:")
    for check in result.checks:
        yield f"  {rule_name(check.rule)} ({OUTCOMES[check.outcome]}, {duration(check.duration_ms)})"
        yield from wrapped(f"Figures: {figures_line(check)}", screen, indent=6)
        yield from wrapped(f"Compared: {_sentence(check.compared)}", screen, indent=6)
    for section in outline(result, _LIMITS):
        yield from _outlined(section, screen)
    yield from ("", "ABOUT THIS REPORT:", *facts(about(result, sha256, verification_id), screen))
    yield from ("", "SIGN-OFF:", *_sign_off(result, verification_id, screen))


def _outlined(section: Section, screen: Screen) -> Iterator[str]:
    yield from ("", f"{section.title.upper()}:")
    sentences = section.sentences if section.filled else (section.empty,)
    for sentence in sentences:
        yield from wrapped(_sentence(sentence), screen, indent=2, hang=0)
    for table in section.filled:
        if table.title != section.title:
            yield from ("", f"  {table.title}:")
        yield from rows_lines(table, screen)


def _sign_off(result: VerificationResult, verification_id: int | None, screen: Screen) -> Iterator[str]:
    yield from wrapped(statement(result), screen, indent=2, hang=0)
    if is_to_sign(result):
        blank = "_" * 20
        yield from ("", *(f"  {field + ':':<12}{blank}" for field in FIELDS), "")
        if verification_id is not None:
            yield from wrapped(f"{RECORD} {record_command(result, verification_id)}", screen, indent=2)


def _sentence(text: str) -> str:
    return sentence_for_terminal(text)
