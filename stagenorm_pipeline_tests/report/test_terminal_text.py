"""The terminal form: the runbook's report to the letter, what follows it, and plans and inventories."""

import re
from dataclasses import replace

import pytest
from rich.cells import cell_len

from stagenorm_pipeline.engine.inventory.inventory import RowCounts
from stagenorm_pipeline.engine.plan.plan import Plan
from stagenorm_pipeline.engine.plan.vocabulary_check import DecisionChanges
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.verify.result import FundBreakdown
from stagenorm_pipeline.report.inventory_and_plan_text import (
    dry_run_summary,
    inventory_summary,
    inventory_text,
    plan_summary,
    plan_text,
    unknown_stages,
)
from stagenorm_pipeline.report.terminal_layout import Screen, next_line
from stagenorm_pipeline.report.terminal_text import verdict_text, verification_summary, verification_text
from stagenorm_pipeline_tests.support.report_results import (
    COMPANIES,
    HOSTILE_IN_REPORTS,
    failing_result,
    inventories,
    passing_result,
    plan,
)

WIDE = Screen(width=10_000)
NO_CHANGES = DecisionChanges(since_plan=None, changes=())

RUNBOOK_REPORT = """\
================================================================================
VERIFICATION REPORT
================================================================================

SUMMARY:
  Total Checks: 7
  Passed: 7
  Failed: 0
  Warnings: 0

CHECKS:
  ✓ Batch Tracking: All batches completed successfully (15 total)
  ✓ Canonical Stage Validation: All stage values are canonical
  ✓ NULL Integrity Check: No unexpected NULL values found
  ✓ Row Count Verification: Row counts verified
  ✓ Audit Log Consistency: Audit log matches actual data
  ✓ Sample Inspection: Retrieved 100 random samples for manual review
  ✓ Per-Fund Breakdown: Generated breakdown for 5 fund(s)

================================================================================
"""


def test_a_passing_report_begins_as_the_runbook_prints_it() -> None:
    assert verification_text(passing_result()).startswith(RUNBOOK_REPORT)


def test_findings_of_failed_checks_follow_the_runbook_report() -> None:
    lines = verification_summary(failing_result(), WIDE).splitlines()
    failed = lines.index("✗ 2 Canonical Stage Validation (failed)")
    assert lines[failed - 2] == "=" * 80
    assert lines[failed + 1 : failed + 4] == [
        "  Unknown spellings, most rows first: 2,468 spellings in 180 rows",
        '    1,234  "Seed Round"  seed?',
        '       62  "Series D"    no suggestion',
    ]
    found = lines[failed:]
    assert any("fund-Seed Round" in line and "the database said: Seed Round" in line for line in found)
    assert "  What to do: Run `stagenorm decisions`, decide on Seed Round, then `stagenorm run`." in found
    assert lines.index("⚠ 5 Audit Log Consistency (warning)") > failed


def test_verdict_and_next_command_come_last() -> None:
    for result, verdict in ((failing_result(), "Do not sign"), (passing_result(), "Ready to sign")):
        *_, sentence, command = verification_text(result, verification_id=7, screen=WIDE).splitlines()
        assert sentence.startswith(verdict)
        assert command.startswith("Next: stagenorm ")
        assert verdict_text(result, verification_id=7, screen=WIDE).splitlines() == [sentence, command]


def test_a_command_is_never_broken() -> None:
    path = "/srv/exports of 2026/stagenorm-backup-20260119T120000Z.sql.gz"
    command = f"stagenorm sign-off 3 --report '{path}'"
    assert next_line(command, Screen(width=100)) == [f"Next: {command}"]
    assert next_line(command, Screen(width=80)) == ["Next:", f"  {command}"]
    assert next_line(f"to undo it: {command}", Screen(width=80)) == ["Next: to undo it:", f"  {command}"]
    saved = verdict_text(passing_result(), verification_id=3, saved_as=path, screen=Screen(width=80))
    assert saved.splitlines()[-1].endswith(path + "'")
    sentence = "stagenorm resume to finish plans 1, 2, 3, 4, 5, or stagenorm run --fund-id 12 --batch-size 1000"
    assert next_line(sentence, Screen(width=80)) == [
        "Next: stagenorm resume to finish plans 1, 2, 3, 4, 5, or stagenorm run --fund-id",
        "      12 --batch-size 1000",
    ]


def test_a_report_of_a_migration_in_progress_says_so() -> None:
    assert "the migration is not finished" in verification_text(failing_result())
    assert "the migration is not finished" not in verification_text(passing_result())


@pytest.mark.parametrize("text", HOSTILE_IN_REPORTS)
def test_hostile_text_is_harmless_in_a_terminal(text: str) -> None:
    shown = verification_text(failing_result(text), sha256="0" * 64, screen=WIDE)
    assert shown.replace("\n", "").isprintable()
    plain = verification_text(failing_result("growth"), sha256="0" * 64, screen=WIDE)
    assert len(shown.splitlines()) == len(plain.splitlines())
    for screen in (WIDE, Screen()):
        for written in (
            plan_text(plan(text), screen=screen),
            inventory_text(inventories(text), screen),
            dry_run_summary(plan(text), decisions=NO_CHANGES, supersedes={}, screen=screen),
            inventory_summary(inventories(text), screen),
            unknown_stages(plan(text)) or "",
        ):
            assert written.replace("\n", "").isprintable()


def test_colours_change_nothing_but_their_codes() -> None:
    coloured = verification_text(failing_result(), screen=Screen(has_colour=True))
    assert re.sub(r"\x1b\[\d+m", "", coloured) == verification_text(failing_result())
    assert coloured.count("\x1b[31m") >= 3


@pytest.mark.parametrize("width", [80, 120])
def test_reports_fit_the_width_and_use_it(width: int) -> None:
    screen = Screen(width=width)
    for text in (
        verification_text(failing_result("growth"), sha256="0" * 64, verification_id=7, screen=screen),
        plan_text(plan("growth"), screen=screen),
        inventory_text(inventories("growth"), screen),
    ):
        assert width - 40 < max(map(cell_len, text.splitlines())) <= width


def test_wide_characters_count_as_two_columns() -> None:
    lines = inventory_text(inventories("种子轮" * 9), Screen(width=80)).splitlines()
    assert max(map(cell_len, lines)) <= 80


def test_many_funds_are_counted_and_not_all_listed() -> None:
    counts = RowCounts(rows_seen=10, rows_canonical=10)
    funds = tuple(
        FundBreakdown(target=COMPANIES, fund_id=str(number), before=counts, after=counts) for number in range(300)
    )
    shown = verification_text(replace(passing_result(), funds=funds), screen=WIDE)
    assert "… and 100 more funds, counted in each target (300 in all)" in shown
    assert "Shown: funds with most rows left to do" in shown


def test_plan_shows_spaces_in_spellings() -> None:
    changes = re.findall(r'^ *([\d,]+)  (".*?") +series-a ', plan_text(plan()), re.MULTILINE)
    assert changes == [("9,000", '"Series A "'), ("6,000", '"Series A"')]


def test_a_plan_shows_what_the_runbook_asks_to_review() -> None:
    shown = plan_text(plan(), screen=WIDE)
    assert re.search(r"Batches planned: +4$", shown, re.MULTILINE)
    assert re.search(r"Rows to update: +15,000$", shown, re.MULTILINE)
    assert "nothing was changed" in shown
    assert '"Seed Round"' in shown
    assert "seed? 'seed' and a harmless word" in shown


def test_dry_run_summary_fits_a_screen_and_says_what_it_supersedes() -> None:
    (inventory,) = inventories()
    changes = tuple(replace(inventory.changes[0], spelling=f"Seed {number}") for number in range(300))
    many = replace(plan(), inventories=(replace(inventory, spellings=(*inventory.unknown, *changes)),) * 9)
    lines = dry_run_summary(many, decisions=NO_CHANGES, supersedes={3: 21}).splitlines()
    assert len(lines) < 24
    assert max(map(cell_len, lines)) <= 80
    assert lines[3:5] == [
        "`stagenorm run` would supersede plan 3: 21 waiting batches of that plan will be",
        "  cancelled.",
    ]
    assert lines[-2:] == [
        "All tables: stagenorm dry-run --full",
        "Next: stagenorm resume to finish plan 3, or stagenorm run",
    ]


def test_plan_is_repeated_in_two_lines_before_the_question() -> None:
    assert plan_summary(plan(plan_id=7), supersedes={}).splitlines() == [
        "Plan 7 changes 15,000 of 20,022 rows, in 4 batches of at most 5,000.",
        "1,000 rows hold 1 unknown spelling. They stay as they are.",
    ]
    assert unknown_stages(plan()) == "Found 1 unknown stage(s): Seed Round"


@pytest.mark.parametrize(
    ("given", "command"),
    [
        (plan(), "stagenorm run"),
        (plan(plan_id=7), "stagenorm run --plan 7"),
        (replace(plan(), batch_size=1_000), "stagenorm run --batch-size 1000"),
        (replace(plan(), scope=FundScope.one("123")), "stagenorm run --fund-id 123"),
        (replace(plan(), scope=FundScope.one("a b")), "stagenorm run --fund-id 'a b'"),
        (replace(plan(), scope=FundScope.one(None)), "stagenorm run --no-fund"),
        (replace(plan(), inventories=()), "stagenorm verify (there is nothing to change)"),
    ],
)
def test_a_plan_names_the_next_command(given: Plan, command: str) -> None:
    assert plan_text(given).splitlines()[-1] == f"Next: {command}"


def test_the_caller_may_name_another_next_command() -> None:
    assert plan_text(plan(), next_command="stagenorm run --table x").endswith("Next: stagenorm run --table x")
