"""How far the work is, as text for a terminal, and as a document for a script. Pure."""

import json
from typing import Any

from stagenorm_pipeline.engine.funds import fund_key
from stagenorm_pipeline.engine.status import Status
from stagenorm_pipeline.report.escape import for_terminal, sentence_for_terminal

_FUNDS_SHOWN = 40


def status_text(status: Status) -> str:
    """Plan, progress, who is running, funds, failures, and the next command to type."""
    lines = [*_headline(status), *_running(status), *_funds(status), *_failures(status)]
    return "\n".join([*lines, "", f"Next: {next_command(status)}"])


def next_command(status: Status) -> str:
    """The command that goes on from here."""
    progress = status.progress
    if status.control.paused:
        return "stagenorm unpause"
    if progress["failed_batches"]:
        return "mend what the failures say, then stagenorm resume"
    if progress["pending_batches"] or progress["running_batches"]:
        return "stagenorm resume" if not any(row["is_held"] for row in status.running) else "wait, or stagenorm pause"
    drafts = [plan["plan_id"] for plan in status.plans if plan["status"] == "draft"]
    if drafts:
        return f"stagenorm run --plan {drafts[0]}"
    return "stagenorm verify" if status.plans else "stagenorm dry-run"


def _headline(status: Status) -> list[str]:
    progress = status.progress
    if not status.plans:
        return ["No plan has been recorded yet."]
    plan = status.plans[0]
    made = f"{plan['created_at']:%Y-%m-%d %H:%M:%S %Z} by {for_terminal(plan['created_by'])}"
    lines = [
        f"Plan {plan['plan_id']} ({plan['kind']}) is {plan['status']}: {plan['rows_to_change']:,} rows "
        f"in {plan['total_batches']:,} batches of at most {plan['batch_size']:,}, made {made}"
    ]
    if status.control.paused:
        control = status.control
        lines.append(
            f"PAUSED since {control.changed_at:%Y-%m-%d %H:%M:%S %Z} by {for_terminal(control.changed_by or '?')}: "
            f"{sentence_for_terminal(control.reason or 'no reason given')}"
        )
    rate = f", {progress['rows_per_second']:,} rows/s lately" if progress["rows_per_second"] else ""
    left = progress["estimated_minutes_remaining"]
    eta = f", about {left} minutes left" if left else ""
    lines += [
        f"Progress: {progress['completion_percent']}% of {progress['rows_planned']:,} rows{rate}{eta}",
        f"  batches: {progress['completed_batches']:,} completed, {progress['running_batches']:,} running, "
        f"{progress['pending_batches']:,} pending, {progress['failed_batches']:,} failed",
        f"  rows: {progress['rows_updated']:,} updated, {progress['rows_skipped']:,} skipped, "
        f"{progress['rows_failed']:,} failed",
    ]
    return lines


def _running(status: Status) -> list[str]:
    return [
        f"  batch {row['batch_number']} of {for_terminal(row['target'])}, {for_terminal(fund_key(row['fund_id']))}: "
        + (
            f"held by {for_terminal(row['worker'] or '?')}"
            if row["is_held"]
            else f"its worker {for_terminal(row['worker'] or '?')} is gone or between two steps; free to take"
        )
        for row in status.running
    ]


def _funds(status: Status) -> list[str]:
    if not status.funds:
        return []
    lines = ["", f"  {'fund':<16}{'done':>7}{'rows':>12}{'updated':>12}{'skipped':>9}{'failed':>8}"]
    for fund in status.funds[:_FUNDS_SHOWN]:
        name = for_terminal(fund_key(fund["fund_id"]))
        lines.append(
            f"  {name:<16}{fund['completion_percent']:>6}%{fund['rows_planned']:>12,}"
            f"{fund['rows_updated']:>12,}{fund['rows_skipped']:>9,}{fund['rows_failed']:>8,}"
        )
    if len(status.funds) > _FUNDS_SHOWN:
        more = len(status.funds) - _FUNDS_SHOWN
        lines.append(f"  and {more:,} more, in the view stage_migration_progress_by_fund")
    return lines


def _failures(status: Status) -> list[str]:
    if not status.failures:
        return []
    lines = ["", f"Failures ({status.failures_total:,}):"]
    for row in status.failures:
        table = f"{row['schema_name']}.{row['table_name']}"
        where = f"batch {row['batch_number']} of {for_terminal(table)}"
        if row["row_id"] is None:
            lines.append(f"  {where}: {sentence_for_terminal(row['error_message'] or 'no message')}")
        else:
            change = f"{for_terminal(row['stage_before'], quote=True)} -> {row['stage_after']}"
            lines.append(
                f"  {where}, row {for_terminal(row['row_id'])} ({change}): {sentence_for_terminal(row['row_error'])}"
            )
    if status.failures_total > len(status.failures):
        lines.append("  all of them are in the view stage_migration_failures")
    return lines


def status_json(status: Status) -> str:
    """The same for a script: the columns of the views, times in ISO 8601."""
    document: dict[str, Any] = {
        "progress": dict(status.progress),
        "funds": [{"fund_key": fund_key(fund["fund_id"]), **fund} for fund in status.funds],
        "failures": [dict(row) for row in status.failures],
        "failures_total": status.failures_total,
        "plans": [dict(row) for row in status.plans],
        "running": [dict(row) for row in status.running],
        "paused": status.control.paused,
        "next": next_command(status),
    }
    return json.dumps(document, indent=2, default=_plain)


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else float(value)
