"""Write reports for a terminal. A verification starts with the runbook's report, word for word."""

from collections.abc import Iterable, Iterator, Sequence
from shlex import quote as shell_quote
from typing import Final

from stagenorm_pipeline.engine.inventory.inventory import TargetInventory
from stagenorm_pipeline.engine.plan.plan import Plan
from stagenorm_pipeline.engine.plan.request import DEFAULT_BATCH_SIZE
from stagenorm_pipeline.engine.plan.vocabulary_check import DecisionChanges
from stagenorm_pipeline.engine.verify.result import CheckResult, Outcome, VerificationResult
from stagenorm_pipeline.engine.verify.rules.registry import RULES
from stagenorm_pipeline.report.escape import for_terminal, sentence_for_terminal
from stagenorm_pipeline.report.notes import notes
from stagenorm_pipeline.report.plan_tables import (
    all_funds_table,
    changes_table,
    decisions_table,
    funds_to_change_table,
    plan_facts,
    plan_title,
    targets_table,
    unknown_in,
    unknown_places_table,
)
from stagenorm_pipeline.report.sections import Limits, Section, outline
from stagenorm_pipeline.report.sign_off_statement import FIELDS, RECORD, is_to_sign, record_command, statement
from stagenorm_pipeline.report.tables import Cell, Name, Spelling, Table, duration, figure
from stagenorm_pipeline.report.verification_tables import finding_parts, findings_table
from stagenorm_pipeline.report.wording import (
    MARKS,
    OUTCOMES,
    about,
    figures_line,
    rows_line,
    rule_name,
    scope_name,
    verdict_line,
)

_LINE: Final = "=" * 80
_SPELLINGS: Final = 15
_FUNDS: Final = 12
_FINDINGS: Final = 5
# No findings here: they are listed below their check already.
_LIMITS: Final = Limits(stages=80, funds=_FUNDS, findings=0, spellings=_SPELLINGS, sample=5, plans=10)
_COLOURS: Final = {Outcome.PASSED: "\x1b[32m", Outcome.WARNED: "\x1b[33m", Outcome.FAILED: "\x1b[31m"}
_PLAIN: Final = "\x1b[0m"


def verification_text(
    result: VerificationResult, *, sha256: str | None = None, verification_id: int | None = None, color: bool = False
) -> str:
    """Write the verification report, with ANSI colours if `color` is set.

    `sha256`: the hash of the JSON. `verification_id`: the number of the recorded verification.
    """
    return _text((*_runbook_report(result, color=color), *_beyond_the_runbook(result, sha256, verification_id), _LINE))


def _runbook_report(result: VerificationResult, *, color: bool) -> Iterator[str]:
    yield from (_LINE, "VERIFICATION REPORT", _LINE, "", "SUMMARY:")
    yield f"  Total Checks: {len(result.checks)}"
    yield f"  Passed: {result.count(Outcome.PASSED)}"
    yield f"  Failed: {result.count(Outcome.FAILED)}"
    yield f"  Warnings: {result.count(Outcome.WARNED)}"
    yield from ("", "CHECKS:")
    for check in result.checks:
        mark = MARKS[check.outcome]
        shown = f"{_COLOURS[check.outcome]}{mark}{_PLAIN}" if color else mark
        yield f"  {shown} {RULES[check.rule].title}: {sentence_for_terminal(check.summary)}"
        if not check.passed:
            yield from _details(check)
    yield from ("", _LINE)


def _details(check: CheckResult) -> Iterator[str]:
    for finding in check.findings[:_FINDINGS]:
        parts = finding_parts(finding)
        details = ", ".join(f"{heading.lower()} {_cell(cell)}" for heading, cell in parts.items() if heading != "Found")
        yield f"      - {_cell(finding.what)}: {details}" if details else f"      - {_cell(finding.what)}"
    if rest := findings_table(check).cut(_FINDINGS).rest:
        yield f"      {rest}"
    if check.recommendation:
        yield f"      What to do: {sentence_for_terminal(check.recommendation)}"


def _beyond_the_runbook(result: VerificationResult, sha256: str | None, verification_id: int | None) -> Iterator[str]:
    yield from ("", verdict_line(result))
    yield from (f"NOTE: {sentence_for_terminal(note)}" for note in notes(result))
    yield f"Now {rows_line(result.counts)}."
    yield from ("", "THE CHECKS IN FIGURES:")
    for check in result.checks:
        yield f"  {rule_name(check.rule)} ({OUTCOMES[check.outcome]}, {duration(check.duration_ms)})"
        yield f"      Figures: {figures_line(check)}"
        yield f"      Compared: {sentence_for_terminal(check.compared)}"
    for section in outline(result, _LIMITS):
        yield from _outlined(section)
    yield from ("", "ABOUT THIS REPORT:", *_facts(about(result, sha256, verification_id)))
    yield from ("", "SIGN-OFF:", *_sign_off(result, verification_id), "")


def _outlined(section: Section) -> Iterator[str]:
    yield from ("", f"{section.title.upper()}:")
    sentences = section.sentences if section.filled else (section.empty,)
    yield from (f"  {sentence_for_terminal(sentence)}" for sentence in sentences)
    for table in section.filled:
        if table.title != section.title:
            yield from ("", f"  {table.title}:")
        yield from _rows(table)


def _sign_off(result: VerificationResult, verification_id: int | None) -> Iterator[str]:
    yield f"  {statement(result)}"
    if is_to_sign(result):
        blank = "_" * 20
        yield from ("", f"  {'  '.join(f'{field}: {blank}' for field in FIELDS)}")
        if verification_id is not None:
            yield f"  {RECORD} {record_command(result, verification_id)}"


def plan_text(plan: Plan, *, decisions: DecisionChanges | None = None, next_command: str | None = None) -> str:
    """Write what a plan would change, for a person to review, and what new decisions do.

    `next_command`: what to run next. None derives it from the plan, an empty text leaves it out.
    """
    command = _next_command(plan) if next_command is None else next_command
    return _text(
        (
            plan_title(plan),
            *_facts((*plan_facts(plan), ("Scope", Name(text=scope_name(plan.scope))))),
            *_table(targets_table(plan.inventories)),
            *_table(funds_to_change_table(plan.inventories, _FUNDS)),
            *_table(changes_table(plan.inventories, _SPELLINGS)),
            *(_table(decisions_table(decisions, _SPELLINGS)) if decisions else ()),
            *_table(unknown_in(plan.inventories, _SPELLINGS)),
            *_unknown_advice(plan.inventories),
            *(("", f"Next: {sentence_for_terminal(command)}") if command else ()),
        )
    )


def inventory_text(inventories: Sequence[TargetInventory]) -> str:
    """Write which spellings are in the data and what the vocabulary says about them."""
    return _text(
        (
            "Inventory of stages",
            *_table(targets_table(inventories)),
            *_table(all_funds_table(inventories, _FUNDS)),
            *_table(changes_table(inventories, _SPELLINGS)),
            *_table(unknown_places_table(inventories, _SPELLINGS)),
            *_unknown_advice(inventories),
        )
    )


def _unknown_advice(inventories: Sequence[TargetInventory]) -> tuple[str, ...]:
    if not any(inventory.unknown_spellings for inventory in inventories):
        return ()
    return ("", "Unknown spellings are never changed. List them for a decision: `stagenorm decisions`.")


def _next_command(plan: Plan) -> str:
    if not plan.counts.rows_to_change:
        return "stagenorm verify (there is nothing to change)"
    if plan.plan_id is not None:
        return f"stagenorm run --plan {plan.plan_id}"
    words = ["stagenorm run"]
    if not plan.scope.all_funds:
        fund_id = plan.scope.fund_id
        words.append("--no-fund" if fund_id is None else f"--fund-id {shell_quote(fund_id)}")
    if plan.batch_size != DEFAULT_BATCH_SIZE:
        words.append(f"--batch-size {plan.batch_size}")
    return " ".join(words)


def _text(lines: Iterable[str]) -> str:
    return "\n".join(lines)


def _facts(facts: Sequence[tuple[str, Cell]]) -> Iterator[str]:
    width = max(len(label) for label, _ in facts) + 1
    for label, cell in facts:
        yield f"  {label + ':':<{width}} {_cell(cell)}"


def _table(table: Table) -> Iterator[str]:
    """Write the table in columns under its title. A table without rows is left out."""
    if not table.rows:
        return
    yield from ("", f"{table.title.upper()}:")
    yield from _rows(table)


def _rows(table: Table) -> Iterator[str]:
    cells = [table.headings, *(tuple(_cell(cell) for cell in row) for row in table.shown)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(table.headings))]
    for row in cells:
        padded = (
            f"{text:>{width}}" if table.is_numeric(column) else f"{text:<{width}}"
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        yield f"  {'  '.join(padded)}".rstrip()
    if table.rest:
        yield f"  {table.rest}"


def _cell(cell: Cell) -> str:
    match cell:
        case Spelling(text=text):
            return "NULL" if text is None else for_terminal(text, quote=True)
        case Name(text=text):
            return for_terminal(text)
        case str():
            return sentence_for_terminal(cell)
        case _:
            return figure(cell)
