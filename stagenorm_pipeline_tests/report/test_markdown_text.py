"""The Markdown form: inert whatever the data holds, whole tables, and a bounded size."""

from base64 import b64decode
from itertools import groupby
from xml.etree import ElementTree

import pytest
from markdown_it.token import Token

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
    HOSTILE,
    MEGABYTE,
    failed_check,
    failing_result,
    huge_result,
    inventories,
    passing_result,
    plan,
)

_OURS = {"strong_open", "strong_close", "em_open", "em_close"}
_IMAGE = "data:image/svg+xml;base64,"


def pages(text: str) -> tuple[str, ...]:
    return (
        verification_markdown(failing_result(text), "0" * 64),
        check_markdown(failed_check(Rule.CANONICAL_STAGES, text)),
        inventory_markdown(inventories(text)),
        plan_markdown(plan(text, plan_id=7)),
    )


def images(page: str) -> list[Token]:
    return [token for token in inline_tokens(page) if token.type == "image"]


def cells_by_table(page: str) -> list[set[int]]:
    """For each table the different numbers of cells that its rows have."""
    lines = page.splitlines()
    return [
        {line.count("|") for line in table}
        for is_table, table in groupby(lines, lambda line: line.startswith("|"))
        if is_table
    ]


@pytest.mark.parametrize("text", [*HOSTILE, MEGABYTE])
def test_hostile_text_brings_no_link_image_html_or_emphasis(text: str) -> None:
    for page in pages(text):
        others = [token for token in inline_tokens(page) if token.type not in {"image", *_OURS} and not is_inert(token)]
        assert others == []
        assert all(str(image.attrs["src"]).startswith(_IMAGE) for image in images(page))
    assert len(images(pages(text)[0])) == 2


@pytest.mark.parametrize("text", [*HOSTILE, MEGABYTE])
def test_hostile_text_leaves_every_table_row_its_cells(text: str) -> None:
    for page, quiet in zip(pages(text), pages("growth"), strict=True):
        assert all(len(counts) == 1 for counts in cells_by_table(page))
        assert len(page.splitlines()) == len(quiet.splitlines())


@pytest.mark.parametrize("text", [*HOSTILE, MEGABYTE, "🚀" * 1_000])
def test_the_report_stays_small_however_much_there_is(text: str) -> None:
    page = verification_markdown(huge_result(text, 60), "0" * 64)
    assert len(page.encode()) < LARGEST
    assert all(len(counts) == 1 for counts in cells_by_table(page))
    assert len(check_markdown(failed_check(Rule.ROW_COUNTS, text)).encode()) < LARGEST


def test_the_report_of_a_migration_in_progress_says_so() -> None:
    assert "a migration in progress" in pages("growth")[0]
    assert "a migration in progress" not in verification_markdown(passing_result())


def test_the_report_reads_from_the_verdict_down_to_how_it_was_made() -> None:
    page = verification_markdown(failing_result("growth"), "0" * 64)
    headings = [line.lstrip("# ") for line in page.splitlines() if line.startswith("#")]
    assert headings == [
        "✗ Failed. Of 7 checks 5 passed, 1 with a warning, 1 failed.",
        "The seven checks",
        "Before → after by stage",
        "Before → after by target and stage",
        "Before → after by fund",
        "Changes by other sessions",
        "5 Audit Log Consistency: findings",
        "Other findings of the checks",
        "2 Canonical Stage Validation: findings",
        "Unknown spellings left",
        "Kept by decision",
        "Random sample of changed rows",
        "Plans, and who applied them",
        "Plans covered",
        "What is compared with",
        "Who changed how much, by the audit log",
        "What the checks prove, and what they cannot know",
        "About this report",
        "Sign-off",
    ]


@pytest.mark.parametrize("text", [*HOSTILE, MEGABYTE])
def test_the_pictures_are_well_formed_and_harmless(text: str) -> None:
    for image in images(pages(text)[0]):
        picture = ElementTree.fromstring(b64decode(str(image.attrs["src"]).removeprefix(_IMAGE)))  # noqa: S314
        # A parser that stops at anything malformed; what it reads is ours.
        drawn = {element.tag.removeprefix("{http://www.w3.org/2000/svg}") for element in picture.iter()}
        assert drawn <= {"svg", "title", "g", "rect", "text"}
        assert image.content in {"Before → after by stage", "Before → after by fund"}
