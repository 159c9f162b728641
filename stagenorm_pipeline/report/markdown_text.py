"""Write reports as Markdown for Dagster's asset page, which renders tables, code spans and images.

The size has a limit, because Dagster stores a report with each materialization.
"""

from collections.abc import Iterable, Sequence
from math import ceil
from typing import Final

from stagenorm_pipeline.engine.inventory.inventory import TargetInventory
from stagenorm_pipeline.engine.plan.plan import Plan
from stagenorm_pipeline.engine.verify.result import CheckResult, Outcome, VerificationResult
from stagenorm_pipeline.engine.verify.rules.registry import RULES
from stagenorm_pipeline.report.charts import BarChart
from stagenorm_pipeline.report.escape import (
    SENTENCE_SHOWN,
    VALUE_SHOWN,
    command_for_markdown,
    for_markdown,
    sentence_for_markdown,
)
from stagenorm_pipeline.report.first_screen import first_screen
from stagenorm_pipeline.report.number_formats import duration
from stagenorm_pipeline.report.plan_tables import (
    all_funds_table,
    changes_table,
    funds_to_change_table,
    plan_facts,
    plan_title,
    targets_table,
    unknown_in,
    unknown_places_table,
)
from stagenorm_pipeline.report.sections import Section, outline
from stagenorm_pipeline.report.sign_off_statement import FIELDS, RECORD, is_to_sign, record_command, statement
from stagenorm_pipeline.report.table_limits import Limits
from stagenorm_pipeline.report.tables import Cell, Name, Spelling, Table, figure
from stagenorm_pipeline.report.verdict import NextStep
from stagenorm_pipeline.report.verification_tables import findings_table
from stagenorm_pipeline.report.wording import (
    MARKS,
    OUTCOMES,
    about,
    all_findings_note,
    checks_line,
    figures_line,
    rule_name,
    scope_name,
)

BAR: Final = 12
LARGEST: Final = 100_000
_FUNDS: Final = 40
_SPELLINGS: Final = 40
_STAGES: Final = 80
_LIMITS: Final = Limits(stages=_STAGES, funds=_FUNDS, findings=10, spellings=_SPELLINGS, sample=20, plans=10)
_LEFT_OUT: Final = "*Left out here for its size: the JSON and the HTML report have it.*"


def verification_markdown(
    result: VerificationResult, sha256: str | None = None, verification_id: int | None = None
) -> str:
    """Write the verification report, from the verdict to the signature.

    `sha256`: the hash of the JSON. `verification_id`: the number of the recorded verification.
    """
    first = first_screen(result, verification_id)
    return _bounded(
        (
            f"## {MARKS[first.outcome]} {sentence_for_markdown(first.sentence)}",
            *(f"> {MARKS[Outcome.WARNED]} {sentence_for_markdown(note)}" for note in first.notes),
            f"**{first.progress}**\n\nNow {first.now_in_kinds}.",
            _section("What to do next", next_steps_markdown(first.steps)),
            _section(checks_line(result), checks_markdown(first.checks)),
            _section("What was verified", _facts(first.facts)),
            *(_outlined(section, all_findings_note(result)) for section in outline(result, _LIMITS)),
            _section("About this report", _facts(about(result, sha256, verification_id))),
            _section("Sign-off", _sign_off(result, verification_id)),
        )
    )


def next_steps_markdown(steps: Iterable[NextStep]) -> str:
    """List the next steps, each as a command and as a click."""
    lines = []
    for number, step in enumerate(steps, start=1):
        command = f": {command_for_markdown(step.command)}" if step.command else ""
        click = f" In Dagster: {sentence_for_markdown(step.click)}." if step.click else ""
        lines.append(f"{number}. {sentence_for_markdown(step.what)}{command}.{click}")
    return "\n".join(lines)


def checks_markdown(checks: Iterable[CheckResult], length: int = SENTENCE_SHOWN) -> str:
    """List the checks with what they found, cut to `length`. 0: only the outcome."""
    lines = [row(("", "Check", "Found")), row(("---", "---", "---"))]
    for check in checks:
        found = shortened(check.summary, length) if length else OUTCOMES[check.outcome]
        lines.append(row((MARKS[check.outcome], rule_name(check.rule), sentence_for_markdown(found))))
    return "\n".join(lines)


def shortened(sentence: str, length: int) -> str:
    """Cut a sentence to a length."""
    return sentence if len(sentence) <= length else f"{sentence[: length - 1].rstrip()}…"


def _outlined(section: Section, all_findings: str) -> str:
    parts = [] if section.check is None else [_about_check(section.check, all_findings)]
    parts += [*map(sentence_for_markdown, section.sentences)] if section.filled else filter(None, [section.empty])
    if section.chart is not None and section.chart.table.rows:
        parts.append(_section(section.chart.title, chart_markdown(section.chart), level=4))
    for table in section.plain_tables:
        has_title = table.title != section.title
        parts.append(_table(table, level=4) if has_title else _rows(table))
    mark = f"{MARKS[section.check.outcome]} " if section.check else ""
    return _section(f"{mark}{section.title}", "\n\n".join(parts))


def _about_check(check: CheckResult, all_findings: str) -> str:
    advice = (f"**What to do:** {sentence_for_markdown(check.recommendation)}",) if check.recommendation else ()
    parts = (sentence_for_markdown(check.summary), f"Figures: {figures_line(check)}.", *advice)
    return "\n\n".join((*parts, sentence_for_markdown(all_findings)) if check.findings_cut else parts)


def chart_markdown(chart: BarChart, *, bar_length: int = BAR, label_length: int = VALUE_SHOWN) -> str:
    """Write a chart as a table with bars of characters. `bar_length` 0: without bars."""
    table, column = chart.table, chart.bar_column + 1
    alignments = ["---:" if table.is_numeric(place) else "---" for place in range(len(table.headings))]

    def line(cells: Sequence[str], between: str) -> str:
        return row((*cells[:column], *((between,) if bar_length else ()), *cells[column:]))

    lines = [line(table.headings, chart.bar_heading), line(alignments, "---")]
    for (label, *cells), shares in zip(table.rows, chart.bars, strict=True):
        written = [_cell(label, label_length), *map(_cell, cells)]
        lines.append(line(written, " ".join(_bar(share, bar_length) for share in shares)))
    return "\n\n".join(filter(None, ("\n".join(lines), table.rest)))


def _bar(share: float, length: int) -> str:
    """Draw a bar of characters. Any share above 0 has at least one."""
    return "█" * ceil(share * length)


def _sign_off(result: VerificationResult, verification_id: int | None) -> str:
    parts = [statement(result)]
    if is_to_sign(result):
        lines = [row(FIELDS), row("---" for _ in FIELDS), row(" " for _ in FIELDS)]
        parts.append("\n".join(lines))
        if verification_id is not None:
            parts.append(f"{RECORD} `{record_command(result, verification_id)}`")
    return "\n\n".join(parts)


def check_markdown(check: CheckResult) -> str:
    """Write one check: its outcome, figures, findings and what to do."""
    facts: tuple[tuple[str, Cell], ...] = (
        ("Outcome", f"{MARKS[check.outcome]} {OUTCOMES[check.outcome]}"),
        ("Result", check.summary),
        ("Figures", figures_line(check)),
        ("Compared", check.compared),
        ("What to do", check.recommendation),
        ("Passing proves", RULES[check.rule].proves),
        ("Cannot know", RULES[check.rule].cannot_know),
        ("If it does not pass", RULES[check.rule].severity),
        ("Took", duration(check.duration_ms)),
    )
    return _bounded((_facts(facts), _table(findings_table(check))))


def inventory_markdown(inventories: Sequence[TargetInventory]) -> str:
    """Write which spellings are in the data and what the vocabulary says about them."""
    return _bounded(
        (
            _table(targets_table(inventories).cut(_STAGES)),
            _table(unknown_places_table(inventories, _SPELLINGS)),
            _table(changes_table(inventories, _SPELLINGS)),
            _table(all_funds_table(inventories, _FUNDS)),
        )
    )


def plan_markdown(plan: Plan) -> str:
    """Write what a plan changes."""
    return _bounded(
        (
            f"## {sentence_for_markdown(plan_title(plan))}",
            _facts((*plan_facts(plan), ("Scope", Name(text=scope_name(plan.scope))))),
            _table(targets_table(plan.inventories).cut(_STAGES)),
            _table(changes_table(plan.inventories, _SPELLINGS)),
            _table(funds_to_change_table(plan.inventories, _FUNDS)),
            _table(unknown_in(plan.inventories, _SPELLINGS)),
        )
    )


def _bounded(sections: Iterable[str]) -> str:
    """Join the sections that fit in LARGEST bytes. Replace each other one by its heading and a remark."""
    kept: list[str] = []
    # Room for the heading and the remark of each section that is left out.
    room = LARGEST - 20 * 200
    for section in filter(None, sections):
        size = len(section.encode()) + 2
        if size > room:
            heading, _, _ = section.partition("\n")
            kept.append(f"{heading}\n\n{_LEFT_OUT}" if heading.startswith("#") else _LEFT_OUT)
            continue
        room -= size
        kept.append(section)
    return "\n\n".join(kept) + "\n"


def _section(title: str, body: str, level: int = 3) -> str:
    return f"{'#' * level} {title}\n\n{body}"


def _table(table: Table, level: int = 3) -> str:
    """Write the table under its title. A table without rows is left out."""
    return _section(table.title, _rows(table), level) if table.rows else ""


def _rows(table: Table) -> str:
    columns = range(len(table.headings))
    lines = [
        row(table.headings),
        row("---:" if table.is_numeric(column) else "---" for column in columns),
        *(row(map(_cell, cells)) for cells in table.shown),
    ]
    return "\n\n".join(filter(None, ("\n".join(lines), table.rest)))


def _facts(facts: Iterable[tuple[str, Cell]]) -> str:
    lines = ["| | |", "| --- | --- |", *(row((f"**{label}**", _cell(cell))) for label, cell in facts)]
    return "\n".join(lines)


def row(cells: Iterable[str]) -> str:
    """Write one line of a table. The cells must be escaped already."""
    return f"| {' | '.join(cells)} |"


def _cell(cell: Cell, limit: int = VALUE_SHOWN) -> str:
    match cell:
        case Spelling(text=text):
            return "NULL" if text is None else for_markdown(text, quote=True, limit=limit)
        case Name(text=text):
            return for_markdown(text, limit=limit)
        case str():
            return sentence_for_markdown(cell)
        case _:
            return figure(cell)
