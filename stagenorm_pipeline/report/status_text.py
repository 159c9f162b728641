"""Write the status as text for a terminal, as one line for a log, and as JSON for a script."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from itertools import groupby
from typing import Any

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.engine.apply.progress import time_span
from stagenorm_pipeline.engine.monitor.runners import Runner
from stagenorm_pipeline.engine.monitor.status import Status
from stagenorm_pipeline.engine.targets.funds import fund_key
from stagenorm_pipeline.report.escape import for_terminal, sentence_for_terminal

_FUNDS_SHOWN = 40

_Row = Mapping[str, Any]


def status_text(status: Status, funds_shown: int = _FUNDS_SHOWN) -> str:
    """Write plans, progress, pauses, runners, funds, failures, and the next command."""
    lines = [
        *_plans(status),
        *_progress(status),
        *_pause(status),
        *_runners(status),
        *_funds(status, funds_shown),
        *_failures(status),
    ]
    return "\n".join([*lines, "", f"Next: {next_command(status)}"])


def status_line(status: Status) -> str:
    """Write the status in one line, for a log."""
    progress = status.progress
    parts = [f"{progress['completion_percent']}% of {progress['rows_planned']:,} rows{_pace(status)}"]
    if progress["failed_batches"]:
        parts.append(f"{progress['failed_batches']:,} batches failed")
    parts += _pause(status)
    parts += [
        f"THROTTLED: {reason}"
        for reason in {sentence_for_terminal(r.throttled.reason): None for r in status.runners if r.throttled}
    ]
    return ", ".join(parts)


def status_json(status: Status, *, indent: int | None = 2) -> str:
    """Write the status as JSON: the columns of the views, times in ISO 8601. `indent` None: one line."""
    document: dict[str, Any] = {
        "as_of": status.as_of,
        "progress": dict(status.progress),
        "funds": [{"fund_key": fund_key(fund["fund_id"]), **fund} for fund in status.funds],
        "failures": [dict(row) for row in status.failures],
        "failures_total": status.failures_total,
        "plans": [dict(row) for row in status.plans],
        "running": [dict(row) for row in status.running],
        "runners": [asdict(runner) for runner in status.runners],
        "paused": status.control.paused,
        "paused_by": status.control.changed_by if status.control.paused else None,
        "paused_reason": status.control.reason if status.control.paused else None,
        "paused_since": status.control.changed_at if status.control.paused else None,
        "next": next_command(status),
    }
    return json.dumps(document, indent=indent, default=_plain)


def plan_line(plan: Mapping[str, Any]) -> str:
    """Write one plan in a line."""
    return (
        f"Plan {plan['plan_id']} ({plan['kind']}) is {plan['status']}: {counted(plan['rows_to_change'], 'row')} "
        f"in {counted(plan['total_batches'], 'batch')} of at most {plan['batch_size']:,}, "
        f"made {_moment(plan['created_at'])} by {for_terminal(plan['created_by'])}"
    )


def next_command(status: Status) -> str:
    """Return the next command to run."""
    progress = status.progress
    if status.control.paused:
        return "stagenorm unpause"
    if progress["failed_batches"]:
        return "fix the cause of the failures, then stagenorm resume"
    if status.is_open:
        return "wait, or stagenorm pause" if status.is_attended else "stagenorm resume"
    if not status.plans:
        return "stagenorm dry-run"
    newest = status.plans[0]
    return f"stagenorm run --plan {newest['plan_id']}" if newest["status"] == "draft" else "stagenorm verify"


def _plans(status: Status) -> list[str]:
    """List the newest plan and the open plans."""
    if not status.plans:
        return ["No plan has been recorded yet."]
    shown = [plan for plan in status.plans if plan is status.plans[0] or plan["status"] == "open"]
    return [plan_line(plan) for plan in shown]


def _progress(status: Status) -> list[str]:
    progress = status.progress
    if not status.plans:
        return []
    return [
        f"Progress: {progress['completion_percent']}% of {progress['rows_planned']:,} rows{_pace(status)}",
        f"  batches: {progress['completed_batches']:,} completed, {progress['running_batches']:,} running, "
        f"{progress['pending_batches']:,} pending, {progress['failed_batches']:,} failed",
        f"  rows: {progress['rows_updated']:,} updated, {progress['rows_skipped']:,} skipped, "
        f"{progress['rows_failed']:,} failed",
    ]


def _pace(status: Status) -> str:
    """Write the recent rate and the time left. Empty if nothing is open."""
    progress = status.progress
    if not status.is_open or progress["rows_per_second"] is None:
        return ""
    rate = f", {progress['rows_per_second']:,} rows/s recently"
    minutes = progress["estimated_minutes_remaining"]
    if minutes is None or status.control.paused or not status.is_attended:
        return rate
    return f"{rate}, about {time_span(float(minutes) * 60)} left"


def _pause(status: Status) -> list[str]:
    """Write whether all runners are paused. A throttled runner has its reason in its own line."""
    control = status.control
    if not control.paused:
        return []
    return [
        f"PAUSED since {_moment(control.changed_at)} by {for_terminal(control.changed_by or '?')}: "
        f"{sentence_for_terminal(control.reason or 'no reason given')}"
    ]


def _runners(status: Status) -> list[str]:
    """List the runners with what they do, then the batches of runners that are gone."""
    lines = ["Running:"] if status.is_attended or status.runners else []
    for runner in status.runners:
        since = f"since {runner.started_at:%H:%M:%S} ({_span(status.as_of, runner.started_at)})"
        lines.append(f"  {for_terminal(runner.worker)}, {since}: {_doing(status, runner)}")
    listed = {runner.worker for runner in status.runners if runner.is_alive is not False}
    for row in status.running:
        if row["worker"] in listed:
            continue
        if row["is_held"]:
            lines.append(f"  {for_terminal(row['worker'] or '?')}: batch {row['batch_number']} of {_place(row)}")
        else:
            gone = f"its runner {for_terminal(row['worker'] or '?')} is gone"
            lines.append(f"  batch {row['batch_number']} of {_place(row)}: {gone}; stagenorm resume takes it")
    return lines


def _doing(status: Status, runner: Runner) -> str:
    if runner.is_alive is False:
        return "gone without reporting its end; no batch is half done"
    if runner.throttled is not None:
        held_for = _span(status.as_of, runner.throttled.since)
        return f"THROTTLED for {held_for}: {sentence_for_terminal(runner.throttled.reason)}"
    for row in status.running:
        if row["is_held"] and row["worker"] == runner.worker:
            return f"batch {row['batch_number']} of {_place(row)}"
    return "waits: all runners are paused" if status.control.paused else "between two batches"


def _funds(status: Status, shown: int) -> list[str]:
    if not status.funds:
        return []
    lines = ["", f"  {'fund':<16}{'done':>7}{'rows':>12}{'updated':>12}{'skipped':>9}{'failed':>8}"]
    for fund in status.funds[:shown]:
        name = for_terminal(fund_key(fund["fund_id"]))
        lines.append(
            f"  {name:<16}{fund['completion_percent']:>6}%{fund['rows_planned']:>12,}"
            f"{fund['rows_updated']:>12,}{fund['rows_skipped']:>9,}{fund['rows_failed']:>8,}"
        )
    more = len(status.funds) - shown
    if more > 0:
        lines.append(f"  and {more:,} more, in the view stage_migration_progress_by_fund")
    return lines


def _failures(status: Status) -> list[str]:
    """List the failed batches with their errors, row by row, and the command that retries them."""
    if not status.failures:
        return []
    lines = ["", f"Failures ({status.failures_total:,}):"]
    for _, group in groupby(status.failures, key=lambda row: row["batch_id"]):
        rows = list(group)
        lines.append(f"  batch {rows[0]['batch_number']} of plan {rows[0]['plan_id']}, {_place(rows[0])}:")
        lines += (f"    {_failure(row)}" for row in rows)
        lines.append(f"    fix the cause, then: {_retry(rows[0])}")
    if status.failures_total > len(status.failures):
        lines.append("  all of them are in the view stage_migration_failures")
    return lines


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


def _place(row: _Row) -> str:
    target = row.get("target") or ".".join((row["schema_name"], row["table_name"], row["column_name"]))
    return f"{for_terminal(target)}, {for_terminal(fund_key(row['fund_id']))}"


def _moment(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M:%S %Z}"


def _span(later: datetime, earlier: datetime) -> str:
    return time_span(max((later - earlier).total_seconds(), 0))


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else float(value)
