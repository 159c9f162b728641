"""The HTML form: one file that needs nothing, runs nothing and shows hostile text as text."""

import re
from base64 import b64encode
from hashlib import sha256

import pytest

from stagenorm_pipeline.report.html import verification_html
from stagenorm_pipeline.report.tags import Html, tag
from stagenorm_pipeline_tests.report.rendered import read_html
from stagenorm_pipeline_tests.report.results import HOSTILE, MEGABYTE, failing_result, huge_result, passing_result


def skeleton(page: str) -> tuple[list[str], list[tuple[str, str | None]]]:
    """Tags and attributes, without the code spans, which a sentence has as many of as it has backticks."""
    read = read_html(page)
    return [name for name in read.tags if name != "code"], read.attributes


@pytest.mark.parametrize("text", [*HOSTILE, MEGABYTE])
def test_no_tag_and_no_attribute_comes_from_the_data(text: str) -> None:
    assert skeleton(verification_html(failing_result(text), "0" * 64)) == skeleton(
        verification_html(failing_result("growth"), "0" * 64)
    )


@pytest.mark.parametrize("text", [*HOSTILE, MEGABYTE])
def test_no_character_without_a_shape_gets_into_the_page(text: str) -> None:
    page = verification_html(failing_result(text), "0" * 64)
    assert page.replace("\n", "").isprintable()
    assert page.encode("utf-8")


def test_the_page_asks_for_nothing_and_runs_nothing() -> None:
    read = read_html(verification_html(failing_result("<script>alert(1)</script>"), "0" * 64))
    names = {name for name, _ in read.attributes}
    assert not {"script", "link", "img", "iframe", "object", "form", "base"} & set(read.tags)
    assert not {name for name in names if name in {"src", "href", "style", "srcset"} or name.startswith("on")}
    assert "url(" not in read.text
    assert "@import" not in read.text


def test_the_policy_allows_the_one_style_sheet_and_nothing_else() -> None:
    page = verification_html(passing_result())
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    digest = b64encode(sha256(style[1].encode()).digest()).decode()
    policy = dict(read_html(page).attributes)["content"]
    assert "no-referrer" in str(policy)
    assert f"default-src &#x27;none&#x27;; style-src &#x27;sha256-{digest}&#x27;" in page


def test_a_reader_who_listens_finds_headings_labels_and_a_language() -> None:
    page = verification_html(failing_result("growth"))
    read = read_html(page)
    assert ("lang", "en") in read.attributes
    assert read.tags.count("h1") == 1
    assert read.tags.count("table") == read.attributes.count(("role", "region")) > 0
    assert all("scope=" in head for head in re.findall(r"<th[ >][^>]*", page))
    assert read.tags.count("svg") == read.attributes.count(("role", "img")) == 2
    assert ("aria-label", "Rows by stage, before and now") in read.attributes
    assert [word in read.text for word in ("✗ failed", "✓ passed", "⚠ warning")] == [True] * 3


def test_a_very_long_report_says_what_it_left_out() -> None:
    page = verification_html(huge_result("growth", 300))
    assert "… and 700 more funds (1,200 in all)" in page


def test_an_element_escapes_whatever_is_not_markup() -> None:
    assert tag("p", "<b>", tag("i", "&"), title='"<') == '<p title="&quot;&lt;">&lt;b&gt;<i>&amp;</i></p>'
    assert isinstance(tag("p"), Html)
    assert not isinstance(tag("p") + tag("p"), Html)
