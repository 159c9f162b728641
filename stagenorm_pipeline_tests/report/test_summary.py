"""The short forms for Dagster's asset page: always short enough to be shown without a click, and harmless."""

from dataclasses import replace

import pytest

from stagenorm_pipeline.engine.inventory.inventory import RowCounts
from stagenorm_pipeline.engine.verify.result import FundBreakdown, Rule, StageRows, VerificationResult
from stagenorm_pipeline.engine.verify.rules.registry import RULES
from stagenorm_pipeline.report.summary import SHOWN_AT_ONCE, funds_markdown, stages_markdown, verdict_markdown
from stagenorm_pipeline_tests.support.rendered_reports import inline_tokens, is_inert
from stagenorm_pipeline_tests.support.report_results import (
    COMPANIES,
    HOSTILE,
    MEGABYTE,
    failing_result,
    huge_result,
    passing_result,
)

_OURS = {"strong_open", "strong_close"}


def pages(result: VerificationResult) -> tuple[str, str, str]:
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


@pytest.mark.parametrize("text", [*HOSTILE, MEGABYTE, "🚀" * 1_000])
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
    assert page.startswith("**Passed. Of 7 checks 7 passed")
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
def test_the_verdict_of_a_part_or_of_a_migration_in_progress_says_so(text: str) -> None:
    page = verdict_markdown(failing_result(text))
    assert "Batches are still pending" in page
    assert "Only" in page


def test_a_bar_is_full_only_where_all_is_done_and_null_is_no_work_left() -> None:
    almost, done, started, untouched = (
        funds_markdown(replace(passing_result(), funds=(fund,)))
        for fund in (
            one_fund("1", 1_000_000, 999_999),
            one_fund("1", 10, 7, null=3),
            one_fund("1", 1_000_000, 1),
            one_fund("1", 5, 0),
        )
    )
    assert "99 %" in almost
    assert "█░" in almost
    assert "100 %" in done
    assert "░" not in done
    assert "0 %" in started
    assert "0 %" in untouched
    assert "█" not in untouched


def test_the_funds_with_most_rows_left_come_first_and_the_others_are_counted() -> None:
    funds = tuple(one_fund(str(number), 1_000, 1_000 - number) for number in range(100))
    lines = funds_markdown(replace(passing_result(), funds=funds)).splitlines()
    assert lines[2].startswith("| `fund-99` |")
    assert lines[-1] == f"… and {100 - (len(lines) - 4)} more, with fewer rows left"


def test_a_stage_with_rows_always_has_a_bar_and_one_without_has_none() -> None:
    stages = (
        StageRows(target=COMPANIES, stage="seed", before=1, after=1_000_000),
        StageRows(target=COMPANIES, stage="NULL", before=None, after=0),
    )
    seed, null = stages_markdown(replace(passing_result(), stages=stages)).splitlines()[2:]
    assert seed == f"| seed | 1 | █ | 1,000,000 | {'█' * 12} |"
    assert null == "| NULL | – |  | 0 |  |"
