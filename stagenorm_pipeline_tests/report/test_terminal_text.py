"""The terminal form: the runbook's report to the letter, what follows it, and plans and inventories."""

import re
from dataclasses import replace

import pytest

from stagenorm_pipeline.engine.inventory.inventory import FundRows, RowCounts
from stagenorm_pipeline.engine.plan.plan import Plan
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.verify.result import FundBreakdown
from stagenorm_pipeline.report.terminal_text import inventory_text, plan_text, verification_text
from stagenorm_pipeline_tests.support.report_results import (
    COMPANIES,
    HOSTILE,
    MEGABYTE,
    failing_result,
    inventories,
    passing_result,
    plan,
)

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


def test_failed_check_shows_figures_findings_and_advice() -> None:
    lines = verification_text(failing_result()).splitlines()
    failed = next(number for number, line in enumerate(lines) if line.startswith("  ✗ Canonical Stage Validation:"))
    assert lines[failed + 1 : failed + 6] == [
        f'      - unknown spelling: now "Seed Round", rows 4,711, target {COMPANIES}',
        '      - changed since: fund fund-Seed Round, row Seed Round, batch 12345, before "Seed Round", after "seed", '
        'now "Seed Round", detail the database said: Seed Round, target Seed Round',
        "      - gone: fund no-fund, row 77, target public.deal_opportunities.stage",
        "      … and 1,282 more findings (1,285 in all)",
        "      What to do: Run `stagenorm decisions`, decide on Seed Round, then `stagenorm run`.",
    ]
    assert any(line.startswith("  ⚠ Audit Log Consistency:") for line in lines)


def test_a_report_of_a_migration_in_progress_says_so() -> None:
    assert "the migration is not finished" in verification_text(failing_result())
    assert "the migration is not finished" not in verification_text(passing_result())


@pytest.mark.parametrize("text", [*HOSTILE, MEGABYTE])
def test_hostile_text_is_harmless_in_a_terminal(text: str) -> None:
    shown = verification_text(failing_result(text), sha256="0" * 64)
    assert shown.replace("\n", "").isprintable()
    assert len(shown.splitlines()) == len(verification_text(failing_result("growth"), sha256="0" * 64).splitlines())
    assert plan_text(plan(text)).replace("\n", "").isprintable()
    assert inventory_text(inventories(text)).replace("\n", "").isprintable()


def test_colours_change_nothing_but_the_marks() -> None:
    coloured = verification_text(failing_result(), color=True)
    assert re.sub(r"\x1b\[3[123]m([✓✗⚠])\x1b\[0m", r"\1", coloured) == verification_text(failing_result())
    assert coloured.count("\x1b") == 14


def test_many_funds_are_counted_and_not_all_listed() -> None:
    counts = RowCounts(rows_seen=10, rows_canonical=10)
    funds = tuple(
        FundBreakdown(target=COMPANIES, fund_id=str(number), before=counts, after=counts) for number in range(100)
    )
    shown = verification_text(replace(passing_result(), funds=funds))
    assert "… and 88 more funds, counted in each target (100 in all)" in shown
    assert "Shown: funds with most rows left to do" in shown


def test_plan_shows_spaces_in_spellings() -> None:
    changes = re.findall(r'^ *([\d,]+)  (".*?") +series-a ', plan_text(plan()), re.MULTILINE)
    assert changes == [("9,000", '"Series A "'), ("6,000", '"Series A"')]


def test_a_plan_shows_what_the_runbook_asks_to_review() -> None:
    shown = plan_text(plan())
    assert re.search(r"Batches planned: +4$", shown, re.MULTILINE)
    assert re.search(r"Rows to update: +15,000$", shown, re.MULTILINE)
    assert "nothing was changed" in shown
    assert '"Seed Round"' in shown
    assert "seed? 'seed' and a harmless word" in shown


def test_a_plan_over_many_funds_counts_those_that_it_does_not_list() -> None:
    (inventory,) = inventories()
    funds = tuple(
        FundRows(
            target=COMPANIES, fund_id=str(number), counts=RowCounts(rows_seen=2, rows_canonical=1, rows_to_change=1)
        )
        for number in range(50)
    )
    shown = plan_text(replace(plan(), inventories=(replace(inventory, funds=funds),)))
    assert "… and 38 more funds (50 in all)" in shown


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


def test_the_caller_may_name_another_next_command_or_none() -> None:
    assert plan_text(plan(), next_command="stagenorm run --table x").endswith("Next: stagenorm run --table x")
    assert "Next:" not in plan_text(plan(), next_command="")
