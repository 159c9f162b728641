"""The status as text: what it says of every state that work can be in, and that nothing from the data acts on it."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stagenorm_pipeline.engine.apply.pause import Control
from stagenorm_pipeline.engine.monitor.recorded_state import VerificationState
from stagenorm_pipeline.engine.monitor.runners import Runner
from stagenorm_pipeline.engine.monitor.status import Status
from stagenorm_pipeline.engine.throttle.throttled import ThrottleReason
from stagenorm_pipeline.report.status_text import next_command, status_json, status_line, status_summary
from stagenorm_pipeline.report.status_text import status_text as full_text
from stagenorm_pipeline.report.terminal_layout import Screen
from stagenorm_pipeline_tests.support.report_results import HOSTILE

WIDE = Screen(width=10_000)
NOON = datetime(2026, 1, 19, 12, 0, 0, tzinfo=UTC)


def status_text(status: Status) -> str:
    """All of a status, without line breaks within a sentence."""
    return full_text(status, WIDE)


def progress(**changed: Any) -> dict[str, Any]:
    """Of ten batches four are done, at 500 rows a second."""
    return {
        "plan_id": 7,
        "total_batches": 10,
        "completed_batches": 4,
        "pending_batches": 5,
        "running_batches": 1,
        "failed_batches": 0,
        "completion_percent": 40.0,
        "rows_planned": 10_000,
        "rows_updated": 4_000,
        "rows_skipped": 0,
        "rows_failed": 0,
        "rows_per_second": 500,
        "estimated_minutes_remaining": 3.5,
        **changed,
    }


def verification(**changed: Any) -> VerificationState:
    """Verification 3, of everything and still current."""
    facts = {"verification_id": 3, "signed_off_by": None, "is_whole": True, "is_current": True}
    return VerificationState(**{**facts, **changed})


def plan(number: int, status: str) -> dict[str, Any]:
    return {
        "plan_id": number,
        "kind": "normalize",
        "status": status,
        "created_at": NOON,
        "created_by": "ana@host",
        "batch_size": 1_000,
        "total_batches": 10,
        "rows_to_change": 10_000,
    }


def batch(**changed: Any) -> dict[str, Any]:
    return {
        "plan_id": 7,
        "batch_id": 70,
        "batch_number": 5,
        "target": "public.companies.stage",
        "fund_id": "12",
        "worker": "host:1 cli",
        "started_at": NOON,
        "is_held": True,
        **changed,
    }


def runner(**changed: Any) -> Runner:
    return replace(
        Runner(
            runner_id=1,
            worker="host:1 cli",
            run_by="ana@host",
            plan_id=7,
            started_at=NOON - timedelta(minutes=3),
            updated_at=NOON,
            throttled=None,
            is_alive=True,
        ),
        **changed,
    )


def failure(**changed: Any) -> dict[str, Any]:
    return {
        "plan_id": 7,
        "batch_id": 73,
        "batch_number": 3,
        "schema_name": "public",
        "table_name": "companies",
        "column_name": "stage",
        "fund_id": "12",
        "error_message": "disk full",
        "row_id": None,
        "stage_before": None,
        "stage_after": None,
        "row_error": None,
        **changed,
    }


AT_WORK = Status(
    rehearsals={},
    as_of=NOON,
    progress=progress(),
    funds=(),
    failures=(),
    failures_total=0,
    plans=(plan(7, "open"),),
    running=(batch(),),
    runners=(runner(),),
    control=Control(paused=False, reason=None, changed_by=None, changed_at=NOON),
)
UNATTENDED = replace(AT_WORK, running=(), runners=())
PAUSED = replace(AT_WORK, control=Control(paused=True, reason="release", changed_by="bea@host", changed_at=NOON))
DONE = replace(
    UNATTENDED,
    progress=progress(pending_batches=0, running_batches=0, completed_batches=10),
    plans=(plan(7, "completed"),),
)


def test_progress_shows_rate_time_left_and_runners() -> None:
    text = status_text(AT_WORK)
    assert "Progress: 40.0% of 10,000 rows, 500 rows/s recently, about 3 min 30 s left" in text
    assert "host:1 cli, since 11:57:00 (3 min 00 s): batch 5 of companies, fund-12" in text
    assert text.endswith("Next: wait, or stagenorm pause")


def test_no_runner_shows_a_command_and_no_time_left() -> None:
    text = status_text(UNATTENDED)
    assert "left" not in text
    assert text.endswith("Next: stagenorm resume")


def test_pause_shows_reason_and_person() -> None:
    text = status_text(PAUSED)
    assert "PAUSED since 2026-01-19 12:00:00 UTC by bea@host: release" in text
    assert "left" not in text
    assert text.endswith("Next: stagenorm unpause")


def test_throttled_runner_shows_reason_and_duration() -> None:
    held = replace(
        AT_WORK,
        runners=(runner(throttled=ThrottleReason(reason="replica lag 12 s", since=NOON - timedelta(seconds=30))),),
    )
    assert "host:1 cli, since 11:57:00 (3 min 00 s): THROTTLED for 30 s: replica lag 12 s" in status_text(held)
    assert status_line(held).endswith("THROTTLED: replica lag 12 s")
    assert "What to check: the replica's replay and network" in status_text(held)
    # A rate from before the wait says nothing about the time left.
    assert "about" not in status_text(held)
    assert "rows/s" not in status_line(held)


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (replace(AT_WORK, running=()), "between two batches"),
        (replace(PAUSED, running=()), "waits: all runners are paused"),
        (replace(AT_WORK, runners=(runner(is_alive=False),)), "gone without reporting its end; no batch is half done"),
    ],
)
def test_a_runner_without_a_batch_is_told_apart_from_one_that_died(seen: Status, said: str) -> None:
    assert f"(3 min 00 s): {said}" in status_text(seen)


def test_batch_of_a_dead_runner_is_free() -> None:
    left = replace(AT_WORK, running=(batch(is_held=False),), runners=(runner(is_alive=False),))
    text = status_text(left)
    assert "batch 5 of companies, fund-12: its runner host:1 cli is gone; `stagenorm resume` takes it" in text
    assert next_command(left) == "stagenorm resume"


def test_runners_that_are_gone_have_a_heading_of_their_own() -> None:
    gone = runner(worker="host:2 cli", is_alive=False)
    one_of_each = replace(
        AT_WORK, runners=(gone, runner()), running=(batch(), batch(worker="host:3 cli", is_held=False))
    )
    lines = status_text(one_of_each).splitlines()
    first = lines.index("Running:")
    assert [line.split(" (")[0] for line in lines[first : first + 5]] == [
        "Running:",
        "  host:1 cli, since 11:57:00",
        "No longer running:",
        "  host:2 cli, since 11:57:00",
        "  batch 5 of companies, fund-12: its runner host:3 cli is gone; `stagenorm resume` takes it",
    ]
    assert "Running:" not in status_text(replace(one_of_each, runners=(gone,), running=()))
    many = status_summary(replace(one_of_each, runners=(*(gone,) * 30, runner())), Screen(width=80)).splitlines()
    # Who runs is never cut for who does not.
    assert "  host:1 cli, since 11:57:00 (3 min 00 s): batch 5 of companies, fund-12" in many
    assert any("more: stagenorm status --full" in line for line in many)
    assert len(many) < 24


def test_each_failed_batch_comes_once_with_its_rows_and_its_command() -> None:
    refused = {"stage_before": "Seed", "stage_after": "seed", "row_error": "no", "error_message": "2 rows refused"}
    status = replace(
        UNATTENDED,
        failures=(failure(row_id="1", **refused), failure(row_id="2", **refused), failure(batch_id=74, fund_id=None)),
        failures_total=21,
    )
    lines = status_text(status).splitlines()
    first = lines.index("  batch 3 of plan 7, companies, fund-12:")
    assert lines[first + 1 : first + 8] == [
        '    row 1 ("Seed" -> seed): no',
        '    row 2 ("Seed" -> seed): no',
        "    fix the cause, then: stagenorm resume --table companies --fund-id 12",
        "  batch 3 of plan 7, companies, no-fund:",
        "    disk full",
        "    fix the cause, then: stagenorm resume --table companies --no-fund",
        "  all of them are in the view stage_migration_failures",
    ]


def test_command_quotes_or_omits_unusual_funds() -> None:
    status = replace(UNATTENDED, failures=(failure(fund_id="a\x1b[2J"), failure(batch_id=74, fund_id="a b")))
    text = status_text(status)
    assert "then: stagenorm resume --table companies\n" in text
    assert "then: stagenorm resume --table companies --fund-id 'a b'" in text


@pytest.mark.parametrize(
    ("status", "command"),
    [
        (replace(UNATTENDED, plans=(), progress=progress(pending_batches=0, running_batches=0)), "stagenorm dry-run"),
        (replace(DONE, plans=(plan(8, "draft"), plan(7, "completed"))), "stagenorm run --plan 8"),
        (replace(DONE, plans=(plan(8, "completed"), plan(7, "draft"))), "stagenorm verify"),
        (DONE, "stagenorm verify"),
        (replace(DONE, verifications=(verification(is_current=False),)), "stagenorm verify"),
        (replace(DONE, verifications=(verification(is_whole=False),)), "stagenorm verify"),
        (replace(DONE, verifications=(verification(has_failed=True),)), "stagenorm report 3"),
        (replace(DONE, verifications=(verification(), verification(is_whole=False))), "stagenorm sign-off 3"),
        (
            replace(DONE, verifications=(verification(signed_off_by="Ada"),)),
            "nothing is left. Verification 3 is signed. To keep it clean: stagenorm enforce",
        ),
    ],
)
def test_every_state_has_its_next_command(status: Status, command: str) -> None:
    assert next_command(status) == command


def test_every_open_plan_is_shown_and_old_drafts_are_not() -> None:
    status = replace(AT_WORK, plans=(plan(9, "completed"), plan(8, "draft"), plan(7, "open")))
    shown = [line[:6] for line in status_text(status).splitlines() if line.startswith("Plan ")]
    assert shown == ["Plan 9", "Plan 7"]


def test_summary_fits_the_screen_and_shows_funds_with_work_left() -> None:
    done = {"completion_percent": 100.0, "rows_planned": 10, "rows_updated": 10, "rows_skipped": 0, "rows_failed": 0}
    left = {**done, "completion_percent": 40.0, "rows_updated": 4}
    funds = (*({"fund_id": str(number), **done} for number in range(60)), {"fund_id": "late", **left})
    failures = tuple(failure(batch_id=number) for number in range(20))
    status = replace(AT_WORK, funds=funds, failures=failures, failures_total=20, runners=(runner(),) * 30)
    lines = status_summary(status, Screen(width=80)).splitlines()
    assert len(lines) < 24
    assert max(map(len, lines)) <= 80
    assert any("fund-late" in line for line in lines)
    assert lines[-1] == "Next: wait, or stagenorm pause"


@pytest.mark.parametrize("hostile", [text for text in HOSTILE if "\ud800" not in text])
def test_nothing_from_the_data_acts_on_the_terminal(hostile: str) -> None:
    status = replace(
        AT_WORK,
        plans=({**plan(7, "open"), "created_by": hostile},),
        running=(batch(fund_id=hostile, target=hostile, worker=hostile),),
        runners=(runner(worker=hostile, throttled=ThrottleReason(reason=hostile, since=NOON)),),
        failures=(
            failure(fund_id=hostile, table_name=hostile, row_id=hostile, stage_before=hostile, row_error=hostile),
        ),
        control=Control(paused=True, reason=hostile, changed_by=hostile, changed_at=NOON),
    )
    refused = failure(row_id="1", stage_before="Seed", row_error="no")
    throttled = runner(throttled=ThrottleReason(reason="a reason", since=NOON))
    ordinary = len(status_text(replace(PAUSED, failures=(refused,), runners=(throttled,))).splitlines())
    text = status_text(status)
    assert len(text.splitlines()) == ordinary
    assert not {character for character in text + status_line(status) if not character.isprintable()} - {"\n"}


def test_a_script_gets_the_same_as_one_object() -> None:
    document = json.loads(status_json(PAUSED))
    assert document["progress"]["estimated_minutes_remaining"] == 3.5
    assert (document["paused"], document["paused_by"], document["paused_reason"]) == (True, "bea@host", "release")
    assert document["runners"][0]["worker"] == "host:1 cli"
    assert document["next"] == "stagenorm unpause"
    assert "\n" not in status_json(PAUSED, indent=None)
