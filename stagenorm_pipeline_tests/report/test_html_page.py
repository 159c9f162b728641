"""The HTML form: one file that needs nothing, runs nothing and shows hostile text as text."""

import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from itertools import pairwise

import pytest

from stagenorm_pipeline.engine.verify.result import Rule, VerificationResult
from stagenorm_pipeline.report.html_page import verification_html
from stagenorm_pipeline.report.page_templates import read_source
from stagenorm_pipeline_tests.support.rendered_reports import read_html
from stagenorm_pipeline_tests.support.report_results import (
    HOSTILE_IN_REPORTS,
    MEGABYTE,
    failing_result,
    huge_result,
    passing_result,
)

STYLE = read_source("templates", "report.css")


def skeleton(page: str) -> tuple[list[str], list[tuple[str, str | None]]]:
    """Tags and attributes, without the code spans, which a sentence has as many of as it has backticks."""
    read = read_html(page)
    return [name for name in read.tags if name != "code"], read.attributes


@pytest.mark.parametrize("text", HOSTILE_IN_REPORTS)
def test_no_tag_and_no_attribute_comes_from_the_data(text: str) -> None:
    assert skeleton(verification_html(failing_result(text), "0" * 64)) == skeleton(
        verification_html(failing_result("growth"), "0" * 64)
    )


@pytest.mark.parametrize("text", HOSTILE_IN_REPORTS)
def test_no_character_without_a_shape_gets_into_the_page(text: str) -> None:
    page = verification_html(failing_result(text), "0" * 64)
    assert page.replace("\n", "").isprintable()
    assert page.encode("utf-8")


def test_the_page_asks_for_nothing_and_runs_nothing() -> None:
    read = read_html(verification_html(failing_result("<script>alert(1)</script>"), "0" * 64))
    names = {name for name, _ in read.attributes}
    assert not {"script", "link", "img", "iframe", "object", "form", "base"} & set(read.tags)
    assert not {name for name in names if name in {"src", "style", "srcset", "action"} or name.startswith("on")}
    assert all(str(target).startswith("#") for name, target in read.attributes if name == "href")
    assert "url(" not in read.text
    assert "@import" not in read.text


def test_the_policy_allows_the_one_style_sheet_and_nothing_else() -> None:
    page = verification_html(passing_result())
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    digest = b64encode(sha256(style[1].encode()).digest()).decode()
    policies = [value for name, value in read_html(page).attributes if name == "content"]
    assert "no-referrer" in policies
    assert policies[0] == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


@pytest.mark.parametrize("result", [passing_result(), failing_result("growth"), huge_result("growth", 3)])
def test_first_screen_links_to_every_check(result: VerificationResult) -> None:
    attributes = read_html(verification_html(result)).attributes
    places = [value for name, value in attributes if name == "id"]
    links = [str(value).removeprefix("#") for name, value in attributes if name == "href"]
    assert len(places) == len(set(places))
    assert sorted(links) == sorted(rule.value for rule in Rule)
    assert set(links) <= set(places)


def test_verdict_and_next_steps_come_before_the_findings_and_passed_checks_are_closed() -> None:
    text = read_html(verification_html(failing_result("growth"), "0" * 64, 12)).text
    order = (
        "Do not sign",
        "canonical",
        "Of 7 checks 1 failed, 1 with a warning, 5 passed",
        "stagenorm verify",
        "Database",
        "✗ failed · 2",
        "⚠ warning · 5",
        "\nStages",
        "5 checks passed",
        "\nDetails",
        "Sign-off",
    )
    places = [text.find(words) for words in order]
    assert -1 not in places
    assert places == sorted(places)
    page = verification_html(passing_result())
    assert page.count("<details") == 7 + 3 + 1
    assert "<details open" not in page


def test_page_is_accessible_to_screen_readers() -> None:
    page = verification_html(failing_result("growth"))
    read = read_html(page)
    assert ("lang", "en") in read.attributes
    levels = [int(name[1]) for name in read.tags if re.fullmatch("h[1-6]", name)]
    assert levels.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))
    assert read.tags.count("table") == read.tags.count("caption") == read.attributes.count(("role", "group")) > 0
    assert all("scope=" in head for head in re.findall(r"<th[ >][^>]*", page))
    # The numbers are beside the bars, so the bars say nothing new.
    assert read.tags.count("svg") == read.attributes.count(("aria-hidden", "true")) - 1
    assert [word in read.text for word in ("✗ failed", "passed:", "⚠ warning")] == [True] * 3


def colours() -> list[dict[str, str]]:
    """The colours of the style sheet by name: light, dark, and on paper."""
    schemes = re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
    return [dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", scheme)) for scheme in schemes]


def luminance(colour: str) -> float:
    """The relative luminance of WCAG 2."""
    parts = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", range(3))
@pytest.mark.parametrize("ink", ["ink", "soft", "passed", "warned", "failed", "link"])
def test_text_has_enough_contrast(scheme: int, ink: str) -> None:
    found = colours()[scheme]
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert min(contrast(found[ink], found[ground]) for ground in ("page", "card")) >= 4.5


@pytest.mark.parametrize("bar", ["before", "now", "null"])
def test_bars_have_enough_contrast(bar: str) -> None:
    colour = colours()[0][bar]
    assert min(contrast(colour, scheme[ground]) for scheme in colours() for ground in ("page", "card")) >= 3


def test_report_to_sign_has_fields_for_a_signature() -> None:
    to_sign, not_to_sign = (verification_html(result, "0" * 64) for result in (passing_result(), failing_result()))
    assert [f"<dt>{field}</dt><dd></dd>" in to_sign for field in ("Name", "Date", "Signature")] == [True] * 3
    assert "<dd></dd>" not in not_to_sign


def test_one_row_alone_is_not_behind_a_click() -> None:
    failed = failing_result("growth")

    def page(count: int) -> str:
        unknown = tuple(replace(failed.unknown[0], spelling=f"growth {number}") for number in range(count))
        return verification_html(replace(failed, unknown=unknown, unknown_spellings=count))

    assert "<summary>2 more unknown spellings</summary>" in page(12)
    assert "more unknown spelling" not in page(11)
    assert "growth 10" in page(11)


def test_page_size_is_limited_and_the_page_says_what_it_left_out() -> None:
    huge = huge_result("growth", 300)
    page = verification_html(replace(passing_result(), funds=huge.funds, sample=huge.sample))
    assert "… and 700 more funds, counted in each target (1,200 in all)" in page
    assert len(page.encode()) < 1_000_000
    assert len(verification_html(huge_result(MEGABYTE[:2_000], 40)).encode()) < 4_000_000
