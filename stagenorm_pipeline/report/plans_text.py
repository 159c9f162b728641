"""Write recorded plans: a list, or one with its batches, as text for a terminal, as JSON and as CSV."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from datetime import UTC
from io import StringIO
from typing import Any, Final

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.engine.apply.progress import percent
from stagenorm_pipeline.engine.approval.rehearsals import rehearsal_or_none
from stagenorm_pipeline.engine.plan.recorded_plans import BatchRecord, PlanOverview, PlanRecord
from stagenorm_pipeline.engine.targets.funds import fund_key
from stagenorm_pipeline.report.escape import sentence_for_terminal
from stagenorm_pipeline.report.json_document import Document, plans_document
from stagenorm_pipeline.report.number_formats import moment
from stagenorm_pipeline.report.rehearsed import rehearsed_cell
from stagenorm_pipeline.report.tables import Cell, Name, Spelling, Table
from stagenorm_pipeline.report.terminal_layout import (
    PLAIN,
    Screen,
    facts,
    next_line,
    rows_lines,
    table_lines,
    text_of,
)
from stagenorm_pipeline.report.wording import scope_name

_CELL_SHOWN: Final = 2_000
# A spreadsheet reads a cell that starts with one of these as a formula.
_STARTS_FORMULA: Final = ("=", "+", "-", "@")


def plans_text(plans: Sequence[PlanOverview], total_asked: int, screen: Screen = PLAIN) -> str:
    """Write one line for each plan, newest first. `total_asked`: as many were asked for."""
    if not plans:
        return text_of(("No plan has been recorded yet.", *next_line("stagenorm dry-run", screen)))
    headings = ("Plan", "Kind", "Status", "Made at (UTC)", "Funds", "Rows", "Done", "Left")
    rows = tuple(map(_list_row, plans))
    table = Table(title="Plans", headings=headings, rows=rows, total=len(rows), unit="plans")
    more = ("  Older plans: stagenorm plans --all",) if len(plans) == total_asked else ()
    return text_of((*rows_lines(table, screen), *more, "", *next_line(f"stagenorm plans {plans[0].plan_id}", screen)))


def _list_row(plan: PlanOverview) -> tuple[Cell, ...]:
    return (
        plan.plan_id,
        Name(text=plan.kind),
        Name(text=plan.status),
        Name(text=f"{plan.created_at.astimezone(UTC):%Y-%m-%d %H:%M}"),
        Name(text=scope_name(plan.scope).removesuffix(" funds")),
        plan.rows_to_change,
        Name(text=f"{percent(plan.rows_updated + plan.rows_skipped, plan.rows_to_change)}%"),
        counted(plan.batches_left, "batch"),
    )


def plan_record_text(record: PlanRecord, screen: Screen = PLAIN) -> str:
    """Write all of one plan: what it is, its progress by target and fund, the spellings it changes, its batches."""
    return text_of(_record_lines(record, screen))


def _record_lines(record: PlanRecord, screen: Screen) -> Iterator[str]:
    yield f"Plan {record.overview.plan_id}"
    yield from facts(_facts(record), screen)
    for table in (_by_target(record), _by_fund(record), _changes(record), _batches(record), _errors(record)):
        yield from table_lines(table, screen)
    yield ""
    yield from next_line(_next(record.overview), screen)


def _facts(record: PlanRecord) -> tuple[tuple[str, Cell], ...]:
    plan = record.overview
    return (
        ("Kind", Name(text=plan.kind)),
        ("Status", Name(text=plan.status)),
        ("Scope", Name(text=scope_name(plan.scope))),
        ("Made", f"{moment(plan.created_at)} by {plan.created_by}"),
        ("Author", _named(plan.author)),
        ("Rehearsed", rehearsed_cell(record.rehearsal)),
        ("Approved", plan.approved_at),
        ("Approved by", _named(plan.approved_by)),
        ("Ticket", _named(plan.ticket)),
        ("Opened", plan.opened_at),
        ("Ended", plan.completed_at),
        ("Rows seen", plan.rows_seen),
        ("Rows to change", plan.rows_to_change),
        ("Rows updated", plan.rows_updated),
        ("Rows skipped", plan.rows_skipped),
        ("Rows refused", plan.rows_failed),
        ("Rows unknown", plan.rows_unknown),
        ("Batches", f"{plan.total_batches:,} of at most {plan.batch_size:,} rows"),
        ("Batches completed", plan.batches_completed),
        ("Batches left", plan.batches_left),
        ("Batches failed", plan.batches_failed),
        ("Vocabulary version", Name(text=plan.vocabulary_version)),
        ("Code version", Name(text=plan.code_version)),
    )


def _named(name: str | None) -> Cell:
    return None if name is None else Name(text=name)


_SUMS: Final = ("Batches", "Rows", "Updated", "Skipped", "Refused")


def _by_target(record: PlanRecord) -> Table:
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (*counts, Name(text=target)) for target, counts in _summed(record.batches, "target")
    )
    return Table(title="By target", headings=(*_SUMS, "Target"), rows=rows, total=len(rows), unit="targets")


def _by_fund(record: PlanRecord) -> Table:
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (Name(text=fund_key(fund)), *counts) for fund, counts in _summed(record.batches, "fund_id")
    )
    return Table(title="By fund", headings=("Fund", *_SUMS), rows=rows, total=len(rows), unit="funds")


def _summed(batches: Sequence[BatchRecord], by: str) -> Iterator[tuple[Any, tuple[int, ...]]]:
    """Add up the batches by a field, in the order of the batches."""
    groups: dict[Any, list[BatchRecord]] = {}
    for batch in batches:
        groups.setdefault(getattr(batch, by), []).append(batch)
    for key, found in groups.items():
        counts = ("rows_planned", "rows_updated", "rows_skipped", "rows_failed")
        yield key, (len(found), *(sum(getattr(batch, name) or 0 for batch in found) for name in counts))


def _changes(record: PlanRecord) -> Table:
    rows = tuple((Spelling(text=change.spelling), change.stage_after) for change in record.changes)
    title = "Changes (before → after)"
    return Table(title=title, headings=("Before", "After"), rows=rows, total=len(rows), unit="spellings")


def _batches(record: PlanRecord) -> Table:
    rows = tuple(
        (
            batch.batch_number,
            batch.batch_id,
            Name(text=fund_key(batch.fund_id)),
            batch.rows_planned,
            Name(text=batch.status),
            batch.rows_updated,
            batch.rows_skipped,
            batch.rows_failed,
            batch.duration_ms,
            Name(text=batch.target),
        )
        for batch in record.batches
    )
    headings = ("No.", "Batch", "Fund", "Rows", "Status", "Updated", "Skipped", "Refused", "ms", "Target")
    return Table(title="Batches", headings=headings, rows=rows, total=len(rows), unit="batches")


def _errors(record: PlanRecord) -> Table:
    rows = tuple((batch.batch_number, batch.error_message) for batch in record.batches if batch.error_message)
    return Table(title="Errors", headings=("No.", "Error"), rows=rows, total=len(rows), unit="errors")


def _next(plan: PlanOverview) -> str:
    match plan.status:
        case "draft":
            return f"stagenorm run --plan {plan.plan_id}, or stagenorm cancel --plan {plan.plan_id}"
        case "open":
            return "stagenorm resume, or stagenorm status while a runner works"
        case "completed" if plan.rows_updated and plan.kind == "normalize":
            return f"stagenorm verify. To see what undoing it restores: stagenorm rollback --plan {plan.plan_id}"
        case _:
            return "stagenorm status"


def plan_record_document(record: PlanRecord) -> Document:
    """Return one plan with its batches and spellings as a JSON document."""
    return plans_document(
        "plan_record",
        {
            "plan": record.overview,
            "batches": record.batches,
            "changes": record.changes,
            "rehearsal": rehearsal_or_none(record.rehearsal),
        },
    )


def plan_list_document(plans: Sequence[PlanOverview]) -> Document:
    """Return the list of plans as a JSON document."""
    return plans_document("plans", {"plans": plans})


def plans_csv(plans: Sequence[PlanOverview]) -> str:
    """Write the list of plans as CSV."""
    names = [field.name for field in fields(PlanOverview)]
    return _csv(names, ({**asdict(plan), "scope": scope_name(plan.scope)} for plan in plans))


def batches_csv(record: PlanRecord) -> str:
    """Write the batches of a plan as CSV."""
    names = ["plan_id", *(field.name for field in fields(BatchRecord))]
    plan_id = record.overview.plan_id
    return _csv(names, ({"plan_id": plan_id, **asdict(batch)} for batch in record.batches))


def _csv(names: Sequence[str], rows: Iterator[dict[str, Any]]) -> str:
    written = StringIO()
    writer = csv.DictWriter(written, names, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _csv_cell(value) for name, value in row.items()})
    return written.getvalue()


def _csv_cell(value: Any) -> Any:
    """Write a text so that neither a terminal nor a spreadsheet acts on it."""
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if not isinstance(value, str):
        return value
    text = sentence_for_terminal(value, limit=_CELL_SHOWN)
    return f"'{text}" if text.startswith(_STARTS_FORMULA) else text
