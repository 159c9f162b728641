"""Write the failed batches with their errors, and where a batch is."""

import shlex
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.engine.monitor.status import Status
from stagenorm_pipeline.engine.targets.funds import fund_key
from stagenorm_pipeline.report.escape import for_terminal, sentence_for_terminal
from stagenorm_pipeline.report.target_names import short_names
from stagenorm_pipeline.report.terminal_layout import Colour, Screen, command_lines, folded, wrapped

_FAILED_ROWS_OF_A_BATCH = 3

_Row = Mapping[str, Any]


def failure_lines(status: Status, most: int, screen: Screen) -> Iterator[str]:
    """List failed batches with their errors, row by row, and the command that retries them."""
    if not status.failures:
        return
    yield ""
    yield screen.coloured(f"Failures ({status.failures_total:,}):", Colour.RED)
    groups = [list(group) for _, group in groupby(status.failures, key=lambda row: row["batch_id"])]
    for rows in groups[:most]:
        batch = f"batch {rows[0]['batch_number']} of plan {rows[0]['plan_id']}, {batch_place(rows[0], status)}:"
        yield from wrapped(batch, screen, indent=2)
        shown = rows if most == len(status.failures) else rows[:_FAILED_ROWS_OF_A_BATCH]
        for row in shown:
            yield from folded(_failure(row), screen, indent=4)
        if rest := len(rows) - len(shown):
            yield f"    and {counted(rest, 'more row')}"
        yield from command_lines("fix the cause, then:", _retry(rows[0]), screen, indent=4)
    if len(groups) > most or status.failures_total > len(status.failures):
        yield from wrapped("all of them are in the view stage_migration_failures", screen, indent=2)


def _failure(row: _Row) -> str:
    if row["row_id"] is None:
        return sentence_for_terminal(row["error_message"] or "no message")
    change = f"{for_terminal(row['stage_before'], quote=True)} -> {row['stage_after']}"
    return f"row {for_terminal(row['row_id'])} ({change}): {sentence_for_terminal(row['row_error'])}"


def _retry(row: _Row) -> str:
    """Return the resume command for the table and fund of the batch, if their names can be typed as shown."""
    words = ["stagenorm resume"]
    for option, value in (("--table", row["table_name"]), ("--fund-id", row["fund_id"])):
        if value is not None and for_terminal(value) == value:
            words.append(f"{option} {shlex.quote(value)}")
    return " ".join([*words, "--no-fund"] if row["fund_id"] is None else words)


def batch_place(row: _Row, status: Status) -> str:
    """Name the target and the fund of a batch."""
    names = short_names(map(_target, (*status.running, *status.failures)))
    return f"{for_terminal(names[_target(row)])}, {for_terminal(fund_key(row['fund_id']))}"


def _target(row: _Row) -> str:
    if "target" in row:
        return str(row["target"])
    return ".".join((row["schema_name"], row["table_name"], row["column_name"]))
