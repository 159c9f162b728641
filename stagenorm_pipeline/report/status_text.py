"""Write the status as text for a terminal, as one line for a log, and as JSON for a script."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.engine.apply.progress import time_span
from stagenorm_pipeline.engine.approval.rehearsals import rehearsal_or_none
from stagenorm_pipeline.engine.monitor.runners import Runner
from stagenorm_pipeline.engine.monitor.status import Status
from stagenorm_pipeline.engine.targets.funds import fund_key
from stagenorm_pipeline.report.escape import for_terminal, sentence_for_terminal
from stagenorm_pipeline.report.estimate_text import estimate_sentence
from stagenorm_pipeline.report.failure_lines import batch_place, failure_lines
from stagenorm_pipeline.report.json_document import estimate_document
from stagenorm_pipeline.report.rehearsed import rehearsed_words
from stagenorm_pipeline.report.tables import Cell, Name, Table, shown_of
from stagenorm_pipeline.report.terminal_layout import (
    PLAIN,
    Colour,
    Screen,
    fitting,
    next_line,
    rows_lines,
    text_of,
    wrapped,
)
from stagenorm_pipeline.report.vacuum_text import vacuum_lines

_SUMMARY_ROWS = 12

# What a person can look at, by a phrase of the throttler's reason.
_CHECKS: Mapping[str, str] = {
    "the guard ": "what its query in stagenorm.toml counts",
    "replication slot": "who should read the slot: SELECT * FROM pg_replication_slots",
    "to be archived": "why the archiver is slow or fails: SELECT * FROM pg_stat_archiver, and the server's log",
    "replica": "the replica's replay and network: SELECT * FROM pg_stat_replication",
    "waited": "who waits for which lock: SELECT pid, pg_blocking_pids(pid), query FROM pg_stat_activity "
    "WHERE wait_event_type = 'Lock'",
    "is running on": "how far the vacuum is: SELECT * FROM pg_stat_progress_vacuum",
    "of WAL per second": "who writes so much: SELECT pid, state, query FROM pg_stat_activity WHERE state = 'active'",
    "checkpoints": "max_wal_size, and who writes so much: SELECT * FROM pg_stat_activity WHERE state = 'active'",
    "could not read the server": "the server's load: SELECT * FROM pg_stat_activity WHERE state = 'active'",
}

_Row = Mapping[str, Any]


def status_summary(status: Status, screen: Screen = PLAIN) -> str:
    """Write the status on one screen: what is open first, then as many funds and failures as fit."""

    def lines(rows: int) -> Iterator[str]:
        yield from _state(status, screen, plans=rows + 1, runners=rows + 1)
        yield from _funds(status, rows, screen)
        yield from failure_lines(status, min(rows, 1), screen)
        yield ""
        yield from next_line(next_command(status), screen)

    return fitting(lines, _SUMMARY_ROWS, screen)


def status_text(status: Status, screen: Screen = PLAIN) -> str:
    """Write plans, progress, pauses, all runners, all funds, the failures, and the next command."""
    everything = len(status.plans) + len(status.runners) + len(status.running) + len(status.funds)
    return text_of(
        (
            *_state(status, screen, plans=everything, runners=everything),
            *_funds(status, everything, screen),
            *failure_lines(status, len(status.failures), screen),
            "",
            *next_line(next_command(status), screen),
        )
    )


def _state(status: Status, screen: Screen, *, plans: int, runners: int) -> Iterator[str]:
    yield from _plans(status, plans, screen)
    yield from _progress(status, screen)
    if sentence := estimate_sentence(status.estimate):
        yield from wrapped(f"The rest: {sentence[:1].lower()}{sentence[1:]}", screen)
    yield from _pause_lines(status, screen)
    yield from (line for sentence in _tuning(status) for line in wrapped(sentence, screen))
    yield from _runners(status, runners, screen)
    yield from vacuum_lines(status.vacuum, screen)


def status_line(status: Status) -> str:
    """Write the status in one line, for a log."""
    progress = status.progress
    parts = [f"{progress['completion_percent']}% of {progress['rows_planned']:,} rows{_pace(status)}"]
    if progress["failed_batches"]:
        parts.append(f"{progress['failed_batches']:,} batches failed")
    parts += [*_pause(status), *_tuning(status)]
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
        "rehearsals": [asdict(one) for one in map(rehearsal_or_none, status.rehearsals.values()) if one],
        "running": [dict(row) for row in status.running],
        "runners": [asdict(runner) for runner in status.runners],
        "paused": status.control.paused,
        "paused_by": status.control.changed_by if status.control.paused else None,
        "paused_reason": status.control.reason if status.control.paused else None,
        "paused_since": status.control.changed_at if status.control.paused else None,
        "tuned_sleep_ms": status.control.tuning.sleep_ms,
        "tuned_target_ms": status.control.tuning.target_ms,
        "tuned_parallel": status.control.tuning.parallel,
        **estimate_document(status.estimate),
        "vacuum": [asdict(advice) for advice in status.vacuum],
        "next": next_command(status),
    }
    return json.dumps(document, indent=indent, default=_plain)


def plan_lines(plan: Mapping[str, Any], screen: Screen = PLAIN) -> list[str]:
    """Write one plan in two lines at most."""
    return wrapped(
        f"Plan {plan['plan_id']} ({plan['kind']}) is {plan['status']}: {counted(plan['rows_to_change'], 'row')} in "
        f"{counted(plan['total_batches'], 'batch')} of at most {plan['batch_size']:,}, made "
        f"{_moment(plan['created_at'])} by {for_terminal(plan['created_by'])}",
        screen,
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
    return f"stagenorm run --plan {newest['plan_id']}" if newest["status"] == "draft" else _after_the_work(status)


def _after_the_work(status: Status) -> str:
    """Return what is left to do when every batch has ended: verify, read why it failed, sign, or nothing."""
    current = next((one for one in status.verifications if one.is_whole and one.is_current), None)
    if current is None:
        return "stagenorm verify"
    number = current.verification_id
    if current.signed_off_by is not None:
        return f"nothing is left. Verification {number} is signed. To keep it clean: stagenorm enforce"
    return f"stagenorm report {number}" if current.has_failed else f"stagenorm sign-off {number}"


def _plans(status: Status, most: int, screen: Screen) -> Iterator[str]:
    """List the newest plan and the open plans."""
    if not status.plans:
        yield "No plan has been recorded yet."
    found = [plan for plan in status.plans if plan is status.plans[0] or plan["status"] == "open"]
    for plan in found[:most]:
        yield from plan_lines(plan, screen)
        if rehearsal := status.rehearsals.get(plan["plan_id"]):
            yield from wrapped(rehearsed_words(rehearsal), screen, indent=2)
    if rest := len(found) - most if len(found) > most else 0:
        yield f"and {counted(rest, 'more open plan')}: stagenorm plans"


def _progress(status: Status, screen: Screen) -> Iterator[str]:
    progress = status.progress
    if not status.plans:
        return
    yield from wrapped(
        f"Progress: {progress['completion_percent']}% of {progress['rows_planned']:,} rows{_pace(status)}", screen
    )
    yield from wrapped(
        f"batches: {progress['completed_batches']:,} completed, {progress['running_batches']:,} running, "
        f"{progress['pending_batches']:,} pending, {progress['failed_batches']:,} failed",
        screen,
        indent=2,
    )
    yield from wrapped(
        f"rows: {progress['rows_updated']:,} updated, {progress['rows_skipped']:,} skipped, "
        f"{progress['rows_failed']:,} failed",
        screen,
        indent=2,
    )


def _pace(status: Status) -> str:
    """Write the recent rate and the time left. Empty if nothing is open, or if the pace means nothing now."""
    progress = status.progress
    if not status.is_open or progress["rows_per_second"] is None or _throttled(status):
        return ""
    rate = f", {progress['rows_per_second']:,} rows/s recently"
    minutes = progress["estimated_minutes_remaining"]
    if minutes is None or status.control.paused or not status.is_attended:
        return rate
    return f"{rate}, about {time_span(float(minutes) * 60)} left"


def _throttled(status: Status) -> list[Runner]:
    return [runner for runner in status.runners if runner.throttled is not None and not runner.is_gone]


def _pause(status: Status) -> list[str]:
    """Write whether all runners are paused. A throttled runner has its reason in its own line."""
    control = status.control
    if not control.paused:
        return []
    return [
        f"PAUSED since {_moment(control.changed_at)} by {for_terminal(control.changed_by or '?')}: "
        f"{sentence_for_terminal(control.reason or 'no reason given')}"
    ]


def _tuning(status: Status) -> list[str]:
    """Write the pace that a person set for all runners."""
    tuning = status.control.tuning
    set_here = {"a sleep of": tuning.sleep_ms, "a target of": tuning.target_ms}
    parts = [f"{what} {milliseconds:,} ms" for what, milliseconds in set_here.items() if milliseconds is not None]
    if tuning.parallel is not None:
        parts.append(f"{counted(tuning.parallel, 'session')} each")
    return [f"Tuned for all runners: {', '.join(parts)} (stagenorm tune --reset)"] if parts else []


def _pause_lines(status: Status, screen: Screen) -> Iterator[str]:
    for sentence in _pause(status):
        yield from (screen.coloured(line, Colour.YELLOW) for line in wrapped(sentence, screen))


def _runners(status: Status, most: int, screen: Screen) -> Iterator[str]:
    """List the runners with what they do and what to check, then those that are gone with their batches."""
    running, gone = [*_living(status), *_held(status)], [*_gone(status), *_left(status)]
    room = max(most - len(running), 0)
    for heading, found in (("Running:", running[:most]), ("No longer running:", gone[:room])):
        if found:
            yield heading
        for sentence in found:
            yield from wrapped(sentence, screen, indent=2)
    if (rest := len(running) + len(gone) - most) > 0:
        yield f"  and {rest:,} more: stagenorm status --full"
    for check in dict.fromkeys(_what_to_check(runner) for runner in _throttled(status)):
        yield from wrapped(f"What to check: {check}", screen, indent=2)


def _living(status: Status) -> Iterator[str]:
    for runner in (runner for runner in status.runners if not runner.is_gone):
        yield f"{_since(status, runner)}: {_doing(status, runner)}"


def _gone(status: Status) -> Iterator[str]:
    for runner in (runner for runner in status.runners if runner.is_gone):
        yield f"{_since(status, runner)}: gone without reporting its end; no batch is half done"


def _since(status: Status, runner: Runner) -> str:
    span = _span(status.as_of, runner.started_at)
    return f"{for_terminal(runner.worker)}, since {runner.started_at:%H:%M:%S} ({span})"


def _held(status: Status) -> Iterator[str]:
    """Write the batches at work whose runner is not listed."""
    for row in (row for row in _of_others(status) if row["is_held"]):
        yield f"{for_terminal(row['worker'] or '?')}: {_batch(row, status)}"


def _left(status: Status) -> Iterator[str]:
    """Write the batches that a runner left behind."""
    for row in (row for row in _of_others(status) if not row["is_held"]):
        worker = for_terminal(row["worker"] or "?")
        yield f"{_batch(row, status)}: its runner {worker} is gone; `stagenorm resume` takes it"


def _of_others(status: Status) -> list[_Row]:
    listed = {runner.worker for runner in status.runners if not runner.is_gone}
    return [row for row in status.running if row["worker"] not in listed]


def _batch(row: _Row, status: Status) -> str:
    return f"batch {row['batch_number']} of {batch_place(row, status)}"


def _doing(status: Status, runner: Runner) -> str:
    if runner.throttled is not None:
        throttled_for = _span(status.as_of, runner.throttled.since)
        return f"THROTTLED for {throttled_for}: {sentence_for_terminal(runner.throttled.reason)}"
    held = [row for row in status.running if row["is_held"] and row["worker"] == runner.worker]
    if held:
        batch = _batch(held[0], status)
        return batch if len(held) == 1 else f"{batch} and {counted(len(held) - 1, 'more batch')}"
    return "waits: all runners are paused" if status.control.paused else "between two batches"


def _what_to_check(runner: Runner) -> str:
    reason = runner.throttled.reason if runner.throttled else ""
    found = (check for phrase, check in _CHECKS.items() if phrase in reason)
    return next(found, "what the reason names; docs/throttling.md explains each")


def _funds(status: Status, most: int, screen: Screen) -> Iterator[str]:
    """List the funds; if not all fit, those with most rows left to do."""
    if not status.funds or not most:
        return
    chosen = status.funds
    most = shown_of(len(chosen), most)
    if len(chosen) > most:
        chosen = tuple(
            sorted(chosen, key=lambda fund: fund["rows_updated"] + fund["rows_skipped"] - fund["rows_planned"])
        )
    rows = tuple(map(_fund_row, chosen[:most]))
    headings = ("Fund", "Done", "Rows", "Updated", "Skipped", "Failed")
    yield ""
    yield from rows_lines(Table(title="", headings=headings, rows=rows, total=len(status.funds), unit="funds"), screen)


def _fund_row(fund: _Row) -> tuple[Cell, ...]:
    return (
        Name(text=fund_key(fund["fund_id"])),
        f"{fund['completion_percent']}%",
        *(int(fund[column]) for column in ("rows_planned", "rows_updated", "rows_skipped", "rows_failed")),
    )


def _moment(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M:%S %Z}"


def _span(later: datetime, earlier: datetime) -> str:
    return time_span(max((later - earlier).total_seconds(), 0))


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else float(value)
