"""What the tables of a report add up and choose; that all forms show the same is in `test_agreement`."""

from dataclasses import replace

import pytest

from stagenorm_pipeline.engine.inventory.inventory import RowCounts, SpellingTotal
from stagenorm_pipeline.engine.verify.result import Coverage, Finding, FundBreakdown, LeftAsIs, Rule, StageRows
from stagenorm_pipeline.report.charts import unknown_chart
from stagenorm_pipeline.report.finding_groups import finding_groups
from stagenorm_pipeline.report.history_tables import coverage_table, plans_table
from stagenorm_pipeline.report.number_formats import duration
from stagenorm_pipeline.report.sections import outline
from stagenorm_pipeline.report.table_limits import Limits
from stagenorm_pipeline.report.tables import Change, Difference, Figure, Name, Spelling, figure
from stagenorm_pipeline.report.verification_tables import (
    finding_parts,
    funds_table,
    kept_table,
    stage_totals,
)
from stagenorm_pipeline.vocabulary import MeaningKind
from stagenorm_pipeline_tests.support.report_results import COMPANIES, DEALS, PLAN, passing_result

QUIET = passing_result()
_ALL = Limits(stages=99, funds=99, findings=99, spellings=99, sample=99, plans=99)


def test_sums_include_funds_that_are_not_shown() -> None:
    funds = tuple(
        FundBreakdown(
            target=target,
            fund_id=str(fund),
            before=RowCounts(
                rows_seen=100, rows_canonical=1, rows_null=2, rows_unknown=3, rows_left_as_is=4, rows_to_change=90
            ),
            after=RowCounts(
                rows_seen=101, rows_canonical=91, rows_null=3, rows_unknown=3, rows_left_as_is=4, rows_to_change=0
            ),
        )
        for target in (COMPANIES, DEALS)
        for fund in range(50)
    )
    table = funds_table(replace(QUIET, funds=funds), limit=7)
    before = RowCounts(
        rows_seen=10_000, rows_canonical=100, rows_null=200, rows_unknown=300, rows_left_as_is=400, rows_to_change=9_000
    )
    after = RowCounts(
        rows_seen=10_100, rows_canonical=9_100, rows_null=300, rows_unknown=300, rows_left_as_is=400, rows_to_change=0
    )
    order = ("rows_seen", "rows_canonical", "rows_to_change", "rows_unknown", "rows_left_as_is", "rows_null")
    changes = (Change(before=getattr(before, kind), now=getattr(after, kind)) for kind in order)
    assert table.sums == ("all funds", *changes, "all targets")
    assert (len(table.rows), table.total) == (7, 100)


def test_sums_have_no_before_without_a_baseline() -> None:
    unknown = StageRows(target=DEALS, stage="seed", before=None, after=19)
    result = replace(QUIET, stages=(StageRows(target=COMPANIES, stage="seed", before=3, after=4), unknown))
    sums = funds_table(result, limit=7).sums
    assert sums is not None
    assert [cell.before for cell in sums if isinstance(cell, Change)] == [None] * 6
    assert stage_totals(result) == {"seed": Change(before=None, now=23)}


def test_funds_with_trouble_are_shown_first() -> None:
    quiet = RowCounts(rows_seen=10, rows_canonical=10)
    trouble = {
        "90": FundBreakdown(
            target=COMPANIES, fund_id="90", before=quiet, after=RowCounts(rows_seen=9, rows_canonical=9)
        ),
        "7": FundBreakdown(target=COMPANIES, fund_id="7", before=quiet, after=None),
        "800": FundBreakdown(
            target=COMPANIES, fund_id="800", before=quiet, after=RowCounts(rows_seen=10, rows_canonical=9, rows_null=1)
        ),
        "31": FundBreakdown(
            target=COMPANIES,
            fund_id="31",
            before=None,
            after=RowCounts(rows_seen=10, rows_canonical=9, rows_null=0, rows_unknown=1),
        ),
    }
    funds = [
        trouble.get(str(fund)) or FundBreakdown(target=COMPANIES, fund_id=str(fund), before=quiet, after=quiet)
        for fund in range(1_000)
    ]
    table = funds_table(replace(QUIET, funds=tuple(funds)), limit=4)
    assert [row[0] for row in table.rows] == [Name(text=f"fund-{fund}") for fund in (7, 31, 90, 800)]
    assert "996 more" in table.rest


def test_a_list_shows_its_last_row_instead_of_counting_it() -> None:
    counts = RowCounts(rows_seen=1, rows_canonical=1)
    funds = tuple(
        FundBreakdown(target=COMPANIES, fund_id=str(fund), before=counts, after=counts) for fund in range(1, 6)
    )
    result = replace(QUIET, funds=funds)
    tables = {limit: funds_table(result, limit) for limit in (3, 4, 5)}
    assert {limit: (len(table.rows), table.rest[:12]) for limit, table in tables.items()} == {
        3: (3, "… and 2 more"),
        4: (5, ""),
        5: (5, ""),
    }
    assert [len(tables[5].cut(limit).rows) for limit in (3, 4, 0)] == [3, 5, 0]


def test_both_targets_of_a_fund_stand_together() -> None:
    counts = RowCounts(rows_seen=1, rows_canonical=1)
    funds = tuple(
        FundBreakdown(target=target, fund_id=fund, before=counts, after=counts)
        for target in (COMPANIES, DEALS)
        for fund in ("2", "10")
    )
    rows = funds_table(replace(QUIET, funds=funds), limit=9).rows
    assert [(row[0], row[-1]) for row in rows] == [
        (Name(text=f"fund-{fund}"), Name(text=target)) for fund in (2, 10) for target in (COMPANIES, DEALS)
    ]


def test_kept_spellings_are_counted_once_for_all_targets() -> None:
    left = tuple(
        LeftAsIs(target=target, spelling=f"round {number}", rows=5, funds=1, reason="")
        for number in range(10)
        for target in (COMPANIES, DEALS)
    )
    result = replace(QUIET, left_as_is=left, left_as_is_spellings=10)
    whole, part = kept_table(result, limit=100), kept_table(result, limit=6)
    assert whole.rest == ""
    assert whole.rows[0] == (
        10,
        Spelling(text="round 0"),
        "1; 1",
        "no reason given",
        Name(text=f"{COMPANIES}; {DEALS}"),
    )
    assert part.rest == "… and 4 more spellings (10 in all)"


def test_plans_are_in_order_with_their_facts() -> None:
    result = replace(
        QUIET,
        plans=(replace(PLAN, plan_id=9),),
        rolled_back=(replace(PLAN, plan_id=7, status="rolled_back"),),
        rollbacks=(replace(PLAN, plan_id=8, vocabulary_version=""),),
    )
    rows = [(row[0], row[1], row[2], row[-2]) for row in plans_table(result).rows]
    version = Name(text=PLAN.vocabulary_version)
    assert rows == [
        (Name(text="7"), "normalize", "rolled back", version),
        (Name(text="8"), "rollback", "completed", None),
        (Name(text="9"), "normalize", "completed", version),
    ]


def test_coverage_names_ten_funds_and_counts_the_rest() -> None:
    coverage = Coverage(target=COMPANIES, plans=(7, 9), all_funds=False, funds=(*map(str, range(1_000)), None))
    ((plans, funds, target),) = coverage_table(replace(QUIET, coverage=(coverage,))).rows
    assert (plans, target) == (Name(text="7, 9"), Name(text=COMPANIES))
    assert funds == Name(text=", ".join(f"fund-{number}" for number in range(10)) + " and 991 more")


def test_null_now_differs_from_not_applicable() -> None:
    null, gone = Finding(what="NULL now", has_stage_now=True), Finding(what="gone")
    assert finding_parts(null)["Now"] == Spelling(text=None)
    assert "Now" not in finding_parts(gone)


def test_no_plan_shows_no_baseline() -> None:
    happened = replace(QUIET, checks=tuple(replace(check, figures={"rows_more": 3}) for check in QUIET.checks))
    none, applied, undone, quiet = (
        next(s for s in outline(result, _ALL) if s.title == "Changes by other sessions")
        for result in (
            replace(happened, plans=()),
            happened,
            replace(happened, plans=(), rolled_back=(PLAN,)),
            replace(QUIET, checks=tuple(replace(check, figures={"rows_more": 0}) for check in QUIET.checks)),
        )
    )
    assert none.filled == quiet.filled == ()
    assert "no baseline to compare with" in none.empty
    assert quiet.empty == "None was found."
    assert (len(applied.filled), len(undone.filled)) == (1, 1)


def test_findings_are_grouped_and_counted_by_kind() -> None:
    left = Finding(
        what="changed by stagenorm, holds its old spelling again",
        row_id="3",
        detail="left by the rollback of its batch",
    )
    check = replace(
        QUIET.check(Rule.AUDIT_CONSISTENCY),
        passed=False,
        figures={"rows_set_back": 70, "rows_changed_since": 9_000, "rows_left_by_rollback": 12},
        findings=(
            Finding(what="changed by stagenorm, holds its old spelling again", row_id="1"),
            Finding(what="restored by a rollback, holds the undone stage again", row_id="2"),
            Finding(what="changed by stagenorm, then by another session", row_id="4"),
            left,
            Finding(what="something new", detail="plan 7"),
        ),
        findings_total=9_083,
    )
    groups = finding_groups(check)
    assert [(group.title, len(group.rows), group.total) for group in groups] == [
        ("Rows that hold their old spelling again", 2, 70),
        ("Rows that other sessions changed since", 1, 9_000),
        ("Rows that a rollback left", 1, 12),
        ("Something new", 1, 1),
    ]
    assert groups[0].headings == ("Row", "Found")
    assert groups[3].headings == ("Detail",)


def test_unknown_spellings_are_a_pareto_over_all_targets() -> None:
    def unknown(number: int, target: str, rows: int) -> SpellingTotal:
        return SpellingTotal(
            target=target, spelling=f"round {number}", kind=MeaningKind.UNKNOWN, stage=None, rows=rows, funds=1
        )

    found = (*(unknown(number, COMPANIES, 10) for number in range(20)), unknown(7, DEALS, 90))
    counts = RowCounts(rows_seen=400, rows_unknown=400)
    result = replace(QUIET, unknown=found, unknown_spellings=31, counts=counts)
    chart = unknown_chart(result, 20)
    assert chart.title == "10 of 31 unknown spellings are 47% of the 400 undecided rows"
    assert chart.table.rows[0][:3] == (Spelling(text="round 7"), 100, "25%")
    assert chart.bars[:2] == ((1.0,), (0.1,))
    assert chart.table.rest == "… and 11 more unknown spellings (31 in all)"


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (Change(before=1_000, now=2_000), "1,000 → 2,000"),
        (Change(before=1_000, now=1_000), "1,000"),
        (Change(before=None, now=5), "– → 5"),
        (Change(before=5, now=None), "5 → –"),
        (Difference(count=-1_234), "-1,234"),
        (Difference(count=0), "0"),
        (Difference(count=None), "–"),
        (None, "–"),
    ],
)
def test_a_figure_reads_the_same_everywhere(cell: Figure, said: str) -> None:
    assert figure(cell) == said


@pytest.mark.parametrize(
    ("milliseconds", "said"),
    [(0, "under 1 ms"), (999, "999 ms"), (1_000, "1.0 s"), (119_900, "119.9 s"), (120_000, "2.0 min")],
)
def test_a_duration_reads_in_the_unit_that_fits(milliseconds: int, said: str) -> None:
    assert duration(milliseconds) == said
