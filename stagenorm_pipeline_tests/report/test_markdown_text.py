"""The Markdown form: inert whatever the data holds, whole tables, and a bounded size."""

from itertools import groupby

import pytest

from stagenorm_pipeline.engine.verify.result import Rule
from stagenorm_pipeline.report.markdown_text import (
    LARGEST,
    check_markdown,
    inventory_markdown,
    plan_markdown,
    verification_markdown,
)
from stagenorm_pipeline_tests.support.rendered_reports import inline_tokens, is_inert
from stagenorm_pipeline_tests.support.report_results import (
    HOSTILE_IN_REPORTS,
    failed_check,
    failing_result,
    huge_result,
    inventories,
    passing_result,
    plan,
)

_OURS = {"strong_open", "strong_close", "em_open", "em_close"}


def pages(text: str) -> tuple[str, ...]:
    return (
        verification_markdown(failing_result(text), "0" * 64),
        check_markdown(failed_check(Rule.CANONICAL_STAGES, text)),
        inventory_markdown(inventories(text)),
        plan_markdown(plan(text, plan_id=7)),
    )


def cells_by_table(page: str) -> list[set[int]]:
    """For each table the different numbers of cells that its rows have."""
    lines = page.splitlines()
    return [
        {line.count("|") for line in table}
        for is_table, table in groupby(lines, lambda line: line.startswith("|"))
        if is_table
    ]


@pytest.mark.parametrize("text", HOSTILE_IN_REPORTS)
def test_hostile_text_brings_no_link_image_html_or_emphasis(text: str) -> None:
    for page in pages(text):
        assert [token for token in inline_tokens(page) if token.type not in _OURS and not is_inert(token)] == []


@pytest.mark.parametrize("text", HOSTILE_IN_REPORTS)
def test_hostile_text_leaves_every_table_row_its_cells(text: str) -> None:
    for page, quiet in zip(pages(text), pages("growth"), strict=True):
        assert all(len(counts) == 1 for counts in cells_by_table(page))
        assert len(page.splitlines()) == len(quiet.splitlines())


@pytest.mark.parametrize("text", [*HOSTILE_IN_REPORTS, "🚀" * 1_000])
def test_report_size_is_limited(text: str) -> None:
    page = verification_markdown(huge_result(text, 60), "0" * 64)
    assert len(page.encode()) < LARGEST
    assert all(len(counts) == 1 for counts in cells_by_table(page))
    assert len(check_markdown(failed_check(Rule.ROW_COUNTS, text)).encode()) < LARGEST


def test_the_report_of_a_migration_in_progress_says_so() -> None:
    assert "the migration is not finished" in pages("growth")[0]
    assert "the migration is not finished" not in verification_markdown(passing_result())


def test_markdown_report_has_its_sections_in_order() -> None:
    page = verification_markdown(failing_result("growth"), "0" * 64)
    headings = [line.lstrip("# ") for line in page.splitlines() if line.startswith("#")]
    assert headings == [
        "✗ Do not sign for one fund: 2 Canonical Stage Validation: "
        "1,283 rows hold 3 unknown spellings, first of all growth",
        "What to do next",
        "Of 7 checks 1 failed, 1 with a warning, 5 passed",
        "What was verified",
        "✗ 2 Canonical Stage Validation",
        "2 of 2,468 unknown spellings are 100% of the 180 undecided rows",
        "Kept by decision",
        "Changed since",
        "Gone",
        "⚠ 5 Audit Log Consistency",
        "Changed since",
        "Gone",
        "Stages",
        "28,327 rows on canonical stages now; not known before",
        "Funds",
        "90 rows left in 1 fund",
        "Before → now by fund and target",
        "Before → after by fund",
        "Before → after by target and stage",
        "Changes by other sessions",
        "Random sample of changed rows",
        "Plans, and who applied them",
        "Plans covered",
        "What is compared with",
        "Who changed how much, by the audit log",
        "About this report",
        "Sign-off",
    ]
