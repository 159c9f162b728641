"""The short forms for Dagster's asset page: always short enough to be shown without a click, and harmless."""

from dataclasses import replace

import pytest

from stagenorm_pipeline.engine.inventory.inventory import RowCounts
from stagenorm_pipeline.engine.verify.result import FundBreakdown, Rule, StageRows, VerificationResult
from stagenorm_pipeline.engine.verify.rules.registry import RULES
from stagenorm_pipeline.report.summary import (
    SHOWN_AT_ONCE,
    funds_markdown,
    stages_markdown,
    verdict_markdown,
)
from stagenorm_pipeline_tests.support.rendered_reports import inline_tokens, is_inert
from stagenorm_pipeline_tests.support.report_results import (
    COMPANIES,
    HOSTILE_IN_REPORTS,
    failing_result,
    huge_result,
    passing_result,
)

_OURS = {"strong_open", "strong_close"}


def pages(result: VerificationResult) -> tuple[str, ...]:
    return verdict_markdown(result), stages_markdown(result), funds_markdown(result)


def length(page: str) -> int:
    """As JavaScript counts it."""
    return len(page.encode("utf-16-le")) // 2


def one_fund(fund_id: str, seen: int, canonical: int, null: int = 0) -> FundBreakdown:
    return FundBreakdown(
        target=COMPANIES,
        fund_id=fund_id,
        before=None,
        after=RowCounts(rows_seen=seen, rows_canonical=canonical, rows_null=null),
    )


@pytest.mark.parametrize("text", [*HOSTILE_IN_REPORTS, "🚀" * 1_000])
def test_each_is_short_and_harmless_whatever_the_data_holds(text: str) -> None:
    for result in (failing_result(text), huge_result(text, 60)):
        for page in pages(result):
            assert length(page) < SHOWN_AT_ONCE
            assert [token for token in inline_tokens(page) if token.type not in _OURS and not is_inert(token)] == []


def test_each_is_short_with_the_largest_counts_that_postgresql_has() -> None:
    most = 2**63 - 1
    result = passing_result()
    stages = tuple(replace(part, before=most, after=most) for part in result.stages)
    funds = tuple(one_fund(f"a long name of fund {number}", most, most - number) for number in range(10_000))
    for page in pages(replace(result, stages=stages, funds=funds)):
        assert length(page) < SHOWN_AT_ONCE


def test_the_verdict_comes_with_every_check_and_what_it_found() -> None:
    page = verdict_markdown(passing_result())
    assert page.startswith("**✓ Ready to sign: all 9,804 rows with a stage are canonical, 22 are NULL**")
    for check in passing_result().checks:
        assert f"| {RULES[check.rule].title}" in page.replace(f"| {list(Rule).index(check.rule) + 1} ", "| ")
        assert check.summary in page


def test_results_that_are_too_long_are_cut_before_any_check_is_left_out() -> None:
    result = passing_result()
    checks = tuple(
        replace(check, summary=f"{RULES[check.rule].title} found " + "much " * 100) for check in result.checks
    )
    page = verdict_markdown(replace(result, checks=checks))
    assert page.count("…") == 7
    assert page.count(" found much") == 7


@pytest.mark.parametrize("text", ["growth", "`[x](http://evil.example)` | <b>"])
def test_verdict_mentions_partial_scope_and_progress(text: str) -> None:
    page = verdict_markdown(failing_result(text))
    assert "Batches are still pending" in page
    assert "Only" in page


def test_funds_with_most_rows_left_come_first() -> None:
    funds = tuple(one_fund(str(number), 1_000, 1_000 - number) for number in range(100))
    page = funds_markdown(replace(passing_result(), funds=funds))
    lines = [line for line in page.splitlines() if line.startswith("| `fund-")]
    assert page.startswith("4,950 rows left in 99 funds\n")
    assert lines[0] == f"| `fund-99` | 99 | {'█' * 12} | 1,000 | 90% |"
    assert f"… and {99 - len(lines)} more funds (99 in all)" in page


def test_finished_funds_are_not_listed_and_100_percent_means_every_row() -> None:
    funds = (one_fund("1", 1_000_000, 999_999), one_fund("2", 10, 7, null=3), one_fund("3", 5, 0))
    page = funds_markdown(replace(passing_result(), funds=funds))
    assert "fund-2" not in page
    assert "| `fund-1` | 1 | ███ | 1,000,000 | 99% |" in page
    assert "| 0% |" in page
    assert funds_markdown(replace(passing_result(), funds=funds[1:2])) == "No fund has rows left"


def test_stage_with_rows_always_has_a_bar_and_other_rows_have_none() -> None:
    stages = (
        StageRows(target=COMPANIES, stage="seed", before=1, after=1_000_000),
        StageRows(target=COMPANIES, stage="other", before=5_000_000, after=0),
        StageRows(target=COMPANIES, stage="NULL", before=None, after=0),
    )
    seed, other, null = stages_markdown(replace(passing_result(), stages=stages)).splitlines()[2:]
    assert seed == f"| seed | 1 | 1,000,000 | █ {'█' * 12} | +999,999 |"
    assert other == "| not canonical | 5,000,000 | 0 |  | -5,000,000 |"
    assert null == "| NULL | – | 0 |  | – |"
