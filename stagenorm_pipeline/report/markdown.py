"""Reports as Markdown for Dagster's asset page: tables, code spans and images, which is all that it renders.

The size is bounded whatever the data holds: Dagster stores a report with each materialization.
"""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from stagenorm_pipeline.engine.inventory import TargetInventory
from stagenorm_pipeline.engine.plan import Plan
from stagenorm_pipeline.engine.verification.result import CheckResult, Outcome, VerificationResult
from stagenorm_pipeline.report.escape import for_markdown, sentence_for_markdown
from stagenorm_pipeline.report.pictures import ON_CARD, funds_picture, stages_picture
from stagenorm_pipeline.report.plan_tables import (
    all_funds_table,
    changes_table,
    funds_to_change_table,
    plan_facts,
    plan_title,
    targets_table,
    unknown_in,
)
from stagenorm_pipeline.report.tables import Cell, Name, Spelling, Table, figure
from stagenorm_pipeline.report.tags import Html
from stagenorm_pipeline.report.verification_tables import (
    checks_table,
    findings_table,
    funds_table,
    plans_table,
    sample_table,
    stage_totals,
    stages_table,
    target_stages_table,
    unknown_table,
)
from stagenorm_pipeline.report.wording import (
    MARKS,
    MEANWHILE,
    OUTCOMES,
    VERDICT_OUTCOMES,
    about,
    figures_line,
    notes,
    rows_line,
    scope_name,
    verdict_line,
)

LARGEST: Final = 100_000
_FINDINGS: Final = 10
_FUNDS: Final = 40
_SPELLINGS: Final = 40
_SAMPLE: Final = 20
_PLANS: Final = 10
_STAGES: Final = 80
_LEFT_OUT: Final = "*Left out here for its size: the JSON and the HTML report have it.*"


def verification_markdown(result: VerificationResult, sha256: str | None = None) -> str:
    """The verification report, from the verdict down to how it was made."""
    mark = MARKS[VERDICT_OUTCOMES[result.verdict]]
    return _bounded(
        (
            f"## {mark} {verdict_line(result)}\n\n{rows_line(result.counts)}.",
            *(f"> {MARKS[Outcome.WARNED]} {sentence_for_markdown(note)}" for note in notes(result)),
            _table(checks_table(result)),
            _table(stages_table(result), picture=stages_picture(stage_totals(result), ON_CARD)),
            _table(target_stages_table(result).cut(_STAGES)) if len(result.targets) > 1 else "",
            _table(funds_table(result).cut(_FUNDS), picture=funds_picture(result.funds, ON_CARD)),
            *_findings(result),
            _table(unknown_table(result.unknown, result.unknown_spellings, _SPELLINGS)),
            _table(sample_table(result).cut(_SAMPLE)),
            _table(plans_table(result).cut(_PLANS)),
            _section("About this report", _facts(about(result, sha256))),
        )
    )


def _findings(result: VerificationResult) -> Iterator[str]:
    tables = [_table(findings_table(check).cut(_FINDINGS), level=4) for check in result.checks]
    if any(tables):
        yield f"### What the checks found, and what others changed meanwhile\n\n{MEANWHILE}"
    yield from tables


def check_markdown(check: CheckResult) -> str:
    """One check: its outcome, figures, findings and what to do."""
    facts: tuple[tuple[str, Cell], ...] = (
        ("Outcome", f"{MARKS[check.outcome]} {OUTCOMES[check.outcome]}"),
        ("Result", check.summary),
        ("Figures", figures_line(check)),
        ("Compared", check.compared),
        ("What to do", check.recommendation),
    )
    return _bounded((_facts(facts), _table(findings_table(check))))


def inventory_markdown(inventories: Sequence[TargetInventory]) -> str:
    """Which spellings are in the data, and what the vocabulary says of them."""
    return _bounded(
        (
            _table(targets_table(inventories).cut(_STAGES)),
            _table(unknown_in(inventories, _SPELLINGS)),
            _table(changes_table(inventories, _SPELLINGS)),
            _table(all_funds_table(inventories, _FUNDS)),
        )
    )


def plan_markdown(plan: Plan) -> str:
    """What a plan changes."""
    return _bounded(
        (
            f"## {sentence_for_markdown(plan_title(plan))}",
            _facts((*plan_facts(plan), ("Scope", Name(scope_name(plan.scope))))),
            _table(targets_table(plan.inventories).cut(_STAGES)),
            _table(changes_table(plan.inventories, _SPELLINGS)),
            _table(funds_to_change_table(plan.inventories, _FUNDS)),
            _table(unknown_in(plan.inventories, _SPELLINGS)),
        )
    )


def _bounded(sections: Iterable[str]) -> str:
    """The sections that fit in LARGEST bytes; of one that does not, its heading and where to find it."""
    kept: list[str] = []
    # Each section may leave a heading and a remark behind.
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


def _table(table: Table, level: int = 3, picture: Html | None = None) -> str:
    """The table under its title and a picture of it; nothing at all for a table without rows."""
    if not table.rows:
        return ""
    columns = range(len(table.headings))
    lines = [
        _row(table.headings),
        _row("---:" if table.is_numeric(column) else "---" for column in columns),
        *(_row(map(_cell, row)) for row in table.rows),
    ]
    parts = (_image(table.title, picture) if picture else "", "\n".join(lines), table.rest)
    return _section(table.title, "\n\n".join(filter(None, parts)), level)


def _facts(facts: Iterable[tuple[str, Cell]]) -> str:
    lines = ["| | |", "| --- | --- |", *(_row((f"**{label}**", _cell(cell))) for label, cell in facts)]
    return "\n".join(lines)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(cell: Cell) -> str:
    match cell:
        case Spelling(text):
            return "NULL" if text is None else for_markdown(text, quote=True)
        case Name(text):
            return for_markdown(text)
        case str():
            return sentence_for_markdown(cell)
        case _:
            return figure(cell)


def _image(alternative: str, picture: Html) -> str:
    encoded = b64encode(picture.encode()).decode("ascii")
    return f"![{alternative}](data:image/svg+xml;base64,{encoded})"
