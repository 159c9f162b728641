"""Write a verification for a terminal. It starts with the runbook's report, word for word."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.engine.verify.result import CheckResult, Outcome, Rule, VerificationResult
from stagenorm_pipeline.engine.verify.rules.registry import RULES
from stagenorm_pipeline.report.escape import sentence_for_terminal
from stagenorm_pipeline.report.finding_groups import finding_groups
from stagenorm_pipeline.report.notes import notes
from stagenorm_pipeline.report.number_formats import duration, number
from stagenorm_pipeline.report.plan_tables import unknown_list
from stagenorm_pipeline.report.sections import Section, outline
from stagenorm_pipeline.report.sign_off_statement import FIELDS, RECORD, is_to_sign, record_command, statement
from stagenorm_pipeline.report.table_limits import Limits
from stagenorm_pipeline.report.terminal_layout import (
    PLAIN,
    Colour,
    Screen,
    facts,
    next_line,
    rows_lines,
    text_of,
    wrapped,
)
from stagenorm_pipeline.report.verdict import next_command, verdict_sentence
from stagenorm_pipeline.report.verification_tables import kept_table
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
_FINDINGS: Final = 4
# Of the whole report. A bound, so that a hostile column does not make it endless; the JSON has more.
_LIMITS: Final = Limits(stages=200, funds=200, findings=50, spellings=200, sample=100, plans=50)
_COLOURS: Final = {Outcome.PASSED: Colour.GREEN, Outcome.WARNED: Colour.YELLOW, Outcome.FAILED: Colour.RED}
_INDENT: Final = 2
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
            *_runbook_report(result, screen),
            *_notes(result, screen),
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
    """Write what a check found, grouped by kind, with the first rows of each, and what to do about it."""
    narrow = replace(screen, width=screen.width - _INDENT)
    if check.rule is Rule.CANONICAL_STAGES:
        yield from _unknown(result, narrow)
    kept = (kept_table(result, _FINDINGS),) if check.rule is Rule.CANONICAL_STAGES and result.left_as_is else ()
    for group in (*kept, *finding_groups(check)):
        is_counted = group.unit != "findings"
        count = f": {number(group.total)} {group.unit.removesuffix('s') if group.total == 1 else group.unit}"
        yield from wrapped(f"{group.title}{count if is_counted else ''}", screen, indent=2)
        first = group.cut(_FINDINGS)
        yield from _indented(rows_lines(first if is_counted else replace(first, total=0), narrow))
    if check.recommendation:
        yield from wrapped(f"What to do: {_sentence(check.recommendation)}", screen, indent=2)


def _unknown(result: VerificationResult, screen: Screen) -> Iterator[str]:
    """Write the unknown spellings of all targets with most rows."""
    if not result.unknown_spellings:
        return
    spellings = counted(result.unknown_spellings, "spelling")
    yield f"  Unknown spellings, most rows first: {spellings} in {counted(result.counts.rows_unknown, 'row')}"
    yield from _indented(rows_lines(unknown_list(result.unknown, result.unknown_spellings, _FINDINGS), screen))


def _indented(lines: Iterator[str]) -> Iterator[str]:
    yield from (f"{' ' * _INDENT}{line}" for line in lines)


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
        if check.findings:
            listed = f"{len(check.findings)} of {number(check.findings_total)} listed"
            yield from wrapped(f"Findings: {listed}", screen, indent=6)
        yield from wrapped(f"Compared: {_sentence(check.compared)}", screen, indent=6)
    for section in outline(result, _LIMITS):
        yield from _outlined(section, screen)
    yield from ("", "ABOUT THIS REPORT:", *facts(about(result, sha256, verification_id), screen))
    yield from ("", "SIGN-OFF:", *_sign_off(result, verification_id, screen))


def _outlined(section: Section, screen: Screen) -> Iterator[str]:
    check = section.check
    if check is None:
        yield from ("", f"{section.title.upper()}:")
    else:
        yield ""
        yield from _marked(check, f"{section.title} ({OUTCOMES[check.outcome]})", screen, indent=0)
    sentences = section.sentences if section.filled else filter(None, (section.empty,))
    for sentence in sentences:
        yield from wrapped(_sentence(sentence), screen, indent=2, hang=0)
    for table in section.filled:
        if table.title != section.title:
            yield from ("", *wrapped(f"{table.title}:", screen, indent=2))
        yield from rows_lines(table, screen)
    if check is not None and check.recommendation:
        yield from wrapped(f"What to do: {_sentence(check.recommendation)}", screen, indent=2)


def _sign_off(result: VerificationResult, verification_id: int | None, screen: Screen) -> Iterator[str]:
    yield from wrapped(statement(result), screen, indent=2, hang=0)
    if is_to_sign(result):
        blank = "_" * 20
        yield from ("", *(f"  {field + ':':<12}{blank}" for field in FIELDS), "")
        if verification_id is not None:
            yield from wrapped(f"{RECORD} {record_command(result, verification_id)}", screen, indent=2)


def _sentence(text: str) -> str:
    return sentence_for_terminal(text)
