"""Test the review page without a browser: its data cannot leave its element, and its policy allows nothing more."""

import json
import re
from base64 import b64decode, b64encode
from hashlib import sha256

from stagenorm_pipeline.report.review_page.page import review_data, review_page_html
from stagenorm_pipeline_tests.support.rendered_reports import read_html
from stagenorm_pipeline_tests.support.review_pages import HOSTILE_SPELLINGS, hostile_page, page_about


def parts(page: str, tag: str) -> list[str]:
    return re.findall(rf"<{tag}[^>]*>(.*?)</{tag}>", page, re.DOTALL)


def test_hostile_data_stays_in_its_json_element() -> None:
    page = review_page_html(hostile_page())
    assert read_html(page).tags == read_html(review_page_html(page_about({"growth": 1}))).tags
    data, _ = parts(page, "script")
    assert not set("<>&'\u2028\u2029") & set(data)
    assert data.isascii()
    assert json.loads(data) == review_data(hostile_page())
    assert page.replace("\n", "").isprintable()


def test_spelling_is_in_the_page_by_hash_bytes_and_whole_text() -> None:
    members = [member for cluster in review_data(hostile_page())["clusters"] for member in cluster["members"]]
    found = {b64decode(member["bytes"]).decode(): member for member in members}
    assert set(HOSTILE_SPELLINGS) <= set(found)
    assert all(member["id"] == sha256(text.encode()).hexdigest() for text, member in found.items())
    assert found["W" * 1_000]["text"] == f'"{"W" * 1_000}"'
    assert found["Seed Round"]["alike"] == found["Seed  Round"]["alike"] != found["Seed Funding"]["alike"]


def test_policy_allows_one_style_sheet_and_one_script_and_no_network() -> None:
    page = review_page_html(hostile_page())
    style, script = parts(page, "style")[0], parts(page, "script")[1]
    digests = [b64encode(sha256(text.encode()).digest()).decode() for text in (style, script)]
    attributes = read_html(page).attributes
    assert dict(attributes)["name"] is not None
    policy = next(value for name, value in attributes if name == "content" and value and value.startswith("default"))
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digests[0]}'; script-src 'sha256-{digests[1]}'; "
        "base-uri 'none'; form-action 'none'"
    )
    assert not {name for name, _ in attributes if name in {"src", "href", "style"} or name.startswith("on")}
    assert not re.search(r"innerHTML|insertAdjacentHTML|document\.write|eval\(|fetch\(|XMLHttpRequest|https?:", script)


def test_review_is_known_by_its_questions() -> None:
    first, again, other = (review_data(page_about(found))["review"] for found in ({"x": 1}, {"x": 2}, {"y": 1}))
    assert first == again != other
