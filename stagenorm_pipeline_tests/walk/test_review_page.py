"""The review page in a real browser: people decide, undo, export and go on, and hostile spellings stay texts."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stagenorm_pipeline.report.review_page.page import review_page_html
from stagenorm_pipeline.service.decision_patch_file import read_patch_file
from stagenorm_pipeline.vocabulary import Choice, Keep, Stage, built_in_aliases, spelling_sha256
from stagenorm_pipeline_tests.support.chromium import browser_page
from stagenorm_pipeline_tests.support.review_pages import HOSTILE_SPELLINGS, hostile_page, patch

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.walk

TITLE = "What do these stages mean?"
EASY = ("Seed Round", "Seed  Round", "Seed Funding")
SPELLINGS = {spelling_sha256(text): text for text in (*HOSTILE_SPELLINGS, *EASY)}
PHONE_WIDTH = 390


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "review.html"
    path.write_text(review_page_html(hostile_page()), encoding="utf-8")
    return path


@contextmanager
def opened(chromium: str, file: Path) -> Iterator["Page"]:
    """The page in a browser without a past. At the end it must have asked for nothing and complained of nothing."""
    with browser_page(chromium) as page:
        asked: list[str] = []
        said: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: said.append(dialog.message))
        page.goto(file.as_uri())
        yield page
        assert {url for url in asked if not url.startswith("blob:")} == {file.as_uri()}
        assert (said, page.title()) == ([], TITLE)


def exported(page: "Page", tmp_path: Path) -> dict[str, Choice]:
    """Export, and read the patch file as the import does."""
    with page.expect_download() as download:
        page.click("#export")
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    found = read_patch_file(path, SPELLINGS, by="nobody", aliases=built_in_aliases())
    assert found.unknown == ()
    return {entry.spelling: entry.choice for entry in found.patch.entries}


def test_hostile_spellings_are_decided_by_keyboard_and_come_back_byte_by_byte(
    chromium: str, file: Path, tmp_path: Path
) -> None:
    with opened(chromium, file) as page:
        page.fill("#name", "Ana <b>")
        page.keyboard.press("Enter")
        # The largest cluster has a sure proposal. The next one gets a stage, its own reason, then none again.
        page.keyboard.press("Enter")
        page.keyboard.press("6")
        page.keyboard.press("u")
        page.keyboard.press("k")
        page.keyboard.type("<i>no round</i>")
        page.keyboard.press("Enter")
        page.keyboard.press("r")
        page.fill("#keep-rest input", "unclear")
        page.keyboard.press("Enter")
        found = exported(page, tmp_path)
        page.reload()
        assert "(100%)" in page.inner_text("#counter")
        assert exported(page, tmp_path) == found
        assert not page.locator("script, img, svg, i, b", has_text="alert").count()
    assert set(found) == set(SPELLINGS.values())
    assert {found[text] for text in EASY} == {Stage("seed")}
    assert {str(found[text]) for text in HOSTILE_SPELLINGS} == {"leave-as-is"}
    assert {choice.reason for choice in found.values() if isinstance(choice, Keep)} == {"<i>no round</i>", "unclear"}


def test_member_is_taken_out_decided_and_loaded_again_on_a_phone(chromium: str, file: Path, tmp_path: Path) -> None:
    with opened(chromium, file) as page:
        page.set_viewport_size({"width": PHONE_WIDTH, "height": 844})
        page.fill("#name", "Ben")
        page.click('[aria-label="Take out \\"Seed Round\\""]')
        # Both spellings of "Seed Round" go: they differ only in white space.
        page.click("#accept-sure")
        page.locator(".card", has_text="Taken out").get_by_role("button", name="series-a").click()
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE_WIDTH
        found = exported(page, tmp_path)
        assert found == {
            "Seed Funding": Stage("seed"),
            "Seed Round": Stage("series-a"),
            "Seed  Round": Stage("series-a"),
        }
        page.click("#undo")
        page.click("#undo")
        assert "0 of" in page.inner_text("#counter")

    content = patch({"Seed Funding": "seed", "Seed Round": "series-a", "Seed  Round": "series-a", "gone": "seed"})
    (tmp_path / "other.json").write_text(json.dumps(content))
    with opened(chromium, file) as page:
        page.fill("#name", "Cleo")
        page.set_input_files("#load", tmp_path / "other.json")
        # The browser reads the file while the test goes on.
        page.locator("#said", has_text="3 decisions loaded; 1 decision left out").wait_for()
        assert exported(page, tmp_path) == found
        page.click("#undo")
        (tmp_path / "other.json").write_text("[]")
        page.set_input_files("#load", tmp_path / "other.json")
        page.locator("#said", has_text="This is not a file").wait_for()


def test_filter_limits_what_is_shown_and_kept_at_once(chromium: str, file: Path, tmp_path: Path) -> None:
    with opened(chromium, file) as page:
        page.fill("#name", "Ana")
        page.fill("#find", "<SCRIPT>ALERT")
        assert page.locator(".card").count() == 1
        page.select_option("#show", "open")
        page.fill("#keep-rest input", "markup")
        page.keyboard.press("Enter")
        assert page.locator(".card").count() == 0
        assert exported(page, tmp_path) == {"<script>alert(1)</script>": Keep(reason="markup")}
