"""A user's whole way through the Dagster UI, in a real browser and with the real daemon.

The tests compare what the pages show with what PostgreSQL holds.
"""

import re
from pathlib import Path

import pytest

from stagenorm_pipeline_tests.support.application import Application
from stagenorm_pipeline_tests.support.served_ui import served_ui
from stagenorm_pipeline_tests.support.ui_visitor import A_RUN_MS, Visitor
from stagenorm_pipeline_tests.support.waiting import wait_until
from stagenorm_pipeline_tests.support.webhook import Webhook

pytestmark = pytest.mark.walk

# The demo has 12 funds, and rows without one. 300 rows in a batch and half a second between two, which the runs inherit
# from the plan: the first fund takes 18 seconds, of which progress is told after 10, and the backfill a minute, which
# is time to stop it in the middle.
FUNDS = 13
ROWS_IN_A_BATCH = "300"

_CANONICAL = """
SELECT count(*) FROM (SELECT stage FROM portfoliocompanies UNION ALL SELECT stage FROM deal_opportunities) AS rows
WHERE stage IN ('pre-seed', 'seed', 'series-a', 'series-b', 'series-c', 'series-c+')
"""
# Of the audited rows, those that hold what their audit row says.
_AS_AUDITED = """
SELECT count(*) FROM stage_normalization_log AS log
LEFT JOIN portfoliocompanies AS c ON log.table_name = 'portfoliocompanies' AND c.id::text = log.row_id
LEFT JOIN deal_opportunities AS d ON log.table_name = 'deal_opportunities' AND d.id::text = log.row_id
WHERE coalesce(c.stage, d.stage) = log.stage_after
"""
_BATCHES = """
SELECT status, count(*), sum(rows_planned), coalesce(sum(rows_updated), 0) FROM stage_migration_batches GROUP BY status
"""


def batches(demo: Application) -> dict[str, tuple[int, int, int]]:
    """By status: how many, their planned rows, their updated rows."""
    return {status: (count, planned, updated) for status, count, planned, updated in demo.sql(_BATCHES)}


def canonical_rows(demo: Application) -> int:
    return int(demo.value(_CANONICAL))


def assert_each_change_is_audited_once(demo: Application, canonical_before: int) -> None:
    """Nothing half done: as many rows became canonical as were audited, and as the batches say."""
    audited = demo.value("SELECT count(*) FROM stage_normalization_log")
    assert demo.value("SELECT count(DISTINCT (table_name, row_id)) FROM stage_normalization_log") == audited
    assert demo.value(_AS_AUDITED) == audited
    assert canonical_rows(demo) - canonical_before == audited
    assert sum(updated for _, _, updated in batches(demo).values()) == audited


def test_user_plans_applies_stops_continues_and_verifies(visitor: Visitor, demo: Application, home: Path) -> None:
    canonical_before = canonical_rows(demo)

    visitor.arrive()
    visitor.open_graph()
    visitor.sees("verification_report")
    visitor.take_picture("graph")

    visitor.open_asset("stage_inventory")
    visitor.sees("Step 1: inventory.")
    visitor.materialize()
    visitor.open_asset("stage_inventory")
    visitor.sees(re.compile(r"rows would change: materialize batch_plan\."))
    visitor.take_picture("inventory")

    plan(visitor, demo)
    stop_in_the_middle(visitor, demo)
    assert_each_change_is_audited_once(demo, canonical_before)
    go_on(visitor, demo)
    assert_each_change_is_audited_once(demo, canonical_before)
    prove(visitor, demo)
    with served_ui(home, "--read-only") as reading:
        read_only(visitor, reading.url)


def plan(visitor: Visitor, demo: Application) -> None:
    visitor.open_asset("batch_plan")
    visitor.sees("Step 2: plan.")
    visitor.open_launchpad()
    visitor.point_at_field("preset")
    visitor.sees("conservative 1,000 (for production with replicas)")
    visitor.take_picture("launchpad")
    visitor.set_field("preset", "balanced", "conservative")
    visitor.set_field("batch_size", "-1", ROWS_IN_A_BATCH)
    visitor.launch()
    visitor.sees(re.compile(r"^Recorded plan 1"))
    visitor.take_picture("plan-run")

    assert set(batches(demo)) == {"pending"}
    _, planned, _ = batches(demo)["pending"]
    visitor.open_asset("batch_plan")
    visitor.sees("Plan 1 is open. Review it")
    visitor.sees(str(planned))
    visitor.take_picture("plan")


def stop_in_the_middle(visitor: Visitor, demo: Application) -> None:
    visitor.open_asset("normalized_stages")
    visitor.open_tab("Partitions")
    visitor.sees(f"Missing ({FUNDS})")
    visitor.take_picture("partitions-before")
    visitor.choose_all_partitions()
    visitor.sees(f"{FUNDS} partitions selected")
    visitor.take_picture("backfill-dialog")
    visitor.launch_backfill()
    visitor.take_picture("backfill")

    visitor.open_run_of_backfill()
    visitor.read_log('completed {"rowsUpdated":')
    told = visitor.read_log("rows/s")
    assert re.fullmatch(r"fund-1: [\d,]+ of [\d,]+ rows \(\d+%\), [\d,]+ rows/s, about \d+ s left", told)
    # One fund is done, so that going on has something to do and something not.
    visitor.read_log("rows updated, 0 skipped, 0 failed in")
    visitor.read_whole_log()
    visitor.take_picture("run-at-work")
    visitor.terminate()
    visitor.run_ends("Canceled")
    visitor.take_picture("run-terminated")
    visitor.read_log("Stopped after the current batch. To apply the rest, materialize the same funds again.")

    assert set(batches(demo)) == {"completed", "pending"}
    assert_pages_agree(visitor, demo, "what-waits")


def go_on(visitor: Visitor, demo: Application) -> None:
    completed_before, _, _ = batches(demo)["completed"]
    visitor.open_asset("normalized_stages")
    visitor.choose_all_partitions()
    visitor.launch_backfill()
    visitor.sees("100% completed", patience_ms=A_RUN_MS)
    visitor.take_picture("backfill-done")

    ((status, (count, planned, updated)),) = batches(demo).items()
    assert status == "completed"
    assert count > completed_before
    assert updated == planned
    visitor.open_asset("normalized_stages")
    visitor.open_tab("Partitions")
    visitor.sees(f"Materialized ({FUNDS})")
    # The first fund was done before the stop.
    visitor.click("fund-1")
    visitor.sees("nothing to do")
    assert not visitor.can_read("funds_done")
    visitor.take_picture("partitions-after")


def prove(visitor: Visitor, demo: Application) -> None:
    visitor.open_asset("verification_report")
    visitor.materialize()
    visitor.open_asset("verification_report")
    # The demo holds unknown spellings on purpose.
    visitor.sees("Do not sign: ")
    visitor.take_picture("report")
    visitor.open_tab("Checks")
    assert visitor.checks == {
        "r1_batch_tracking": "Succeeded",
        "r2_canonical_stages": "Failed",
        "r3_null_integrity": "Succeeded",
        "r4_row_counts": "Succeeded",
        "r5_audit_consistency": "Succeeded",
        "r6_sample_inspection": "Succeeded",
        "r7_fund_breakdown": "Succeeded",
    }
    visitor.click("r2_canonical_stages")
    visitor.sees(re.compile("unknown spelling"))
    visitor.take_picture("checks")
    assert demo.sql("SELECT count(*) FROM stage_verifications") == [(1,)]


def read_only(visitor: Visitor, url: str) -> None:
    visitor.arrive(url)
    visitor.open_asset("verification_report")
    visitor.sees("Do not sign: ")
    assert not visitor.can_press("Materialize")
    visitor.take_picture("read-only")
    visitor.open_job("rollback_job")
    assert not visitor.can_open_tab("Launchpad")


# A plan's progress as PostgreSQL has it: the newest open plan, or else the newest one.
_PLAN = """
SELECT plan_id, kind, status FROM stage_migration_plans ORDER BY status = 'open' DESC, plan_id DESC LIMIT 1
"""
_ROWS = """
SELECT coalesce(sum(rows_updated), 0), coalesce(sum(rows_planned) FILTER (WHERE status IN ('pending', 'running')), 0),
       coalesce(sum(rows_failed) FILTER (WHERE status = 'failed'), 0),
       count(DISTINCT coalesce(fund_id, '')) FILTER (WHERE status = 'failed')
FROM stage_migration_batches WHERE plan_id = %s
"""
_FAILED_FUNDS = """
SELECT count(*) FROM stage_migration_batches JOIN stage_migration_plans AS plan USING (plan_id)
WHERE plan.status = 'open' AND stage_migration_batches.status = 'failed'
"""
# Funds with work left, or whose work was rolled back.
_UNCLEAN = """
SELECT (SELECT count(*) FROM stage_migration_batches WHERE status IN ('pending', 'running'))
     + (SELECT count(*) FROM stage_migration_plans WHERE kind = 'rollback')
"""
# The database refuses some changes in one fund.
FAILING = "fund-3"
_REFUSE = "ALTER TABLE portfoliocompanies ADD CONSTRAINT refuse CHECK (fund_id <> 3 OR stage <> 'series-c') NOT VALID"


def assert_pages_agree(visitor: Visitor, demo: Application, picture: str) -> None:
    """Compare every asset's page with PostgreSQL, and look at each at both widths."""
    for asset, (expected, badges) in {
        "batch_plan": (expected_plan(demo), plan_badges(demo)),
        "normalized_stages": (expected_totals(demo), fund_badges(demo)),
        "verification_report": (expected_verification(demo), verification_badges(demo)),
    }.items():
        visitor.open_asset(asset)
        visitor.shows(expected, badges)
        visitor.take_picture(f"{picture}-{asset}")
        assert not visitor.is_cut


def expected_plan(demo: Application) -> dict[str, str]:
    """The entries of `batch_plan`; none before the first plan."""
    for plan_id, _, status in demo.sql(_PLAN):
        failed = demo.sql(_ROWS, plan_id)[0][3]
        return {
            "plan_id": str(plan_id),
            "status": "open, with failed funds" if status == "open" and failed else status.replace("_", " "),
        }
    return {}


def expected_totals(demo: Application) -> dict[str, str]:
    """The entries of `normalized_stages` about all funds; none before any batch was applied."""
    if not demo.value("SELECT count(*) FROM stage_normalization_log"):
        return {}
    ((plan_id, _, _),) = demo.sql(_PLAN)
    updated, waiting, failed, funds_failed = demo.sql(_ROWS, plan_id)[0]
    return {
        "funds_failed": str(funds_failed),
        "all_rows_updated": str(updated),
        "all_rows_failed": str(failed),
        "all_rows_waiting": str(waiting),
    }


def expected_verification(demo: Application) -> dict[str, str]:
    """The entry of `verification_report`; none before the first verification."""
    number = demo.value("SELECT max(verification_id) FROM stage_verifications")
    return {} if number is None else {"verification_id": str(number)}


def plan_badges(demo: Application) -> dict[str, int]:
    """`no_batch_failed` and `not_paused`: nobody pauses in the walk."""
    return {"passed": 1, "failed": 1} if demo.value(_FAILED_FUNDS) else {"passed": 2}


def fund_badges(demo: Application) -> dict[str, int]:
    """`fund_clean`, of which the page shows the last verdict: a bad one if there is any. None without a plan."""
    if not demo.value("SELECT count(*) FROM stage_migration_plans"):
        return {}
    if demo.value(_FAILED_FUNDS):
        return {"failed": 1}
    return {"warned": 1} if demo.value(_UNCLEAN) else {"passed": 1}


def verification_badges(demo: Application) -> dict[str, int]:
    """The seven rules; none before the first verification."""
    counts = demo.sql(
        "SELECT checks_passed, checks_warned, checks_failed FROM stage_verifications "
        "ORDER BY verification_id DESC LIMIT 1"
    )
    verdicts = zip(("passed", "warned", "failed"), counts[0], strict=True) if counts else ()
    return {name: count for name, count in verdicts if count}


def test_pages_agree_with_postgresql_after_failure_second_plan_and_rollback(
    visitor: Visitor, demo: Application, webhook: Webhook
) -> None:
    visitor.arrive()
    visitor.switch_on("send_alerts")
    visitor.take_picture("alerts-on")

    visitor.run_job("dry_run_job")
    visitor.take_picture("dry-run")
    assert demo.value("SELECT count(*) FROM stage_migration_plans") == 0
    assert_pages_agree(visitor, demo, "after-dry-run")

    demo.sql(_REFUSE)
    visitor.open_asset("stage_inventory")
    visitor.materialize()
    visitor.open_asset("batch_plan")
    visitor.materialize()
    assert_pages_agree(visitor, demo, "planned")

    seconds = visitor.run_job("normalize_all_job", "Failure", parallel="1 -> 2")
    print(f"\nnormalize_all_job, from click to done, {FUNDS} funds, one fails: {seconds:.1f} s")  # noqa: T201
    visitor.take_picture("fund-failed")
    assert_pages_agree(visitor, demo, "after-failed-fund")
    assert_alerted(webhook, "failed_run", funds=[FAILING], sqlstates=["23514"])
    visitor.open_asset("normalized_stages")
    visitor.open_tab("Checks")
    visitor.sees("fund_clean")
    visitor.take_picture("fund-clean")

    visitor.open_asset("batch_plan")
    visitor.materialize()
    assert_pages_agree(visitor, demo, "second-plan")

    demo.sql("ALTER TABLE portfoliocompanies DROP CONSTRAINT refuse")
    seconds = visitor.run_job("normalize_all_job")
    print(f"normalize_all_job, from click to done, what is left of one fund: {seconds:.1f} s")  # noqa: T201
    assert set(batches(demo)) == {"completed", "cancelled"}
    assert_pages_agree(visitor, demo, "all-done")
    visitor.open_graph()
    visitor.sees("verification_report")
    visitor.take_picture("graph-when-done")
    assert not visitor.can_read("Unsynced")

    visitor.run_job("rollback_job", plan_id="0 -> 2", execute="false -> true")
    visitor.take_picture("rollback")
    assert_pages_agree(visitor, demo, "after-rollback")

    visitor.open_asset("verification_report")
    visitor.materialize()
    visitor.take_picture("failed-verification-run")
    assert_pages_agree(visitor, demo, "failed-verification")
    assert_alerted(webhook, "failed_verification")
    visitor.open_runs()
    visitor.sees("verdict: failed")
    visitor.take_picture("runs")


def assert_alerted(webhook: Webhook, kind: str, **fields: list[str]) -> None:
    """Wait for the alert: the sensor runs every 30 seconds."""
    message = wait_until(
        lambda: next((message for message in webhook.received if message["kind"] == kind), None),
        f"the alert {kind} arrives",
        seconds=300,
    )
    assert {name: message[name] for name in fields} == fields
    assert message["url"].startswith("http://127.0.0.1:")


def test_every_fund_is_applied_by_one_click(visitor: Visitor, demo: Application) -> None:
    """Print the seconds. `.venv/bin/python -m pytest -m walk -s -k one_click` measures them alone."""
    visitor.arrive()
    for asset in ("stage_inventory", "batch_plan"):
        visitor.open_asset(asset)
        visitor.materialize()

    seconds = visitor.run_job("normalize_all_job")

    print(f"\nnormalize_all_job, from click to done, {FUNDS} funds: {seconds:.1f} s")  # noqa: T201
    assert set(batches(demo)) == {"completed"}
