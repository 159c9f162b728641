"""The four forms come from one result and agree: HTML has every fact of the JSON, and text the same figures as HTML."""

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from itertools import count
from typing import Any

import pytest

from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.verify.result import FindingsFile, Rule, VerificationResult
from stagenorm_pipeline.engine.verify.rules.registry import RULES
from stagenorm_pipeline.report.first_screen import first_screen
from stagenorm_pipeline.report.html_page import verification_html
from stagenorm_pipeline.report.json_document import document_sha256, verification_document
from stagenorm_pipeline.report.markdown_text import verification_markdown
from stagenorm_pipeline.report.number_formats import duration, moment
from stagenorm_pipeline.report.terminal_layout import Screen
from stagenorm_pipeline.report.terminal_text import verification_text
from stagenorm_pipeline.report.verdict import verdict_sentence
from stagenorm_pipeline_tests.support.rendered_reports import inline_tokens, read_html
from stagenorm_pipeline_tests.support.report_results import failed_check, failing_result, passing_result

# Shown in words, or for machines only.
_NOT_SHOWN = {"report_version", "kind", "rule", "rules", "verdict", "outcome", "severity", "status", "stage", "action"}
_NOT_SHOWN |= {"last_log_id", "figures_in_order"}
# The shared reads matter for tuning, not for a reviewer: only the JSON has them.
_JSON_ONLY = {"reads", "findings_cut", "by_rule"}


class Numbering:
    """Gives every number, text and instant in a result a value that stands nowhere else; keeps what must fit."""

    def __init__(self) -> None:
        self._numbers = count(100_003, 17)

    def of(self, value: Any, name: str = "") -> Any:
        if is_dataclass(value) and not isinstance(value, type):
            return replace(value, **{f.name: self.of(getattr(value, f.name), f.name) for f in fields(value)})
        if isinstance(value, dict):
            return {key: self.of(item, key) for key, item in value.items()}
        if isinstance(value, tuple):
            return tuple(self.of(item, name) for item in value)
        keeps = isinstance(value, bool | Enum) or value is None or name in _NOT_SHOWN
        return value if keeps else self._new(value, name)

    def _new(self, value: int | datetime | str, name: str) -> int | datetime | str:
        number = next(self._numbers)
        if isinstance(value, datetime):
            return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number)
        return number if isinstance(value, int) else f"{name.replace('_', '')}{number}"


def numbered_result() -> VerificationResult:
    result = replace(failing_result(), checks=tuple(failed_check(rule) for rule in Rule), strict=True)
    result = replace(result, findings_file=FindingsFile(sha256="c0" * 32, findings=1))
    return Numbering().of(replace(result, unknown=result.unknown[:1]))  # type: ignore[no-any-return]


def leaves(document: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of a JSON document that people read, with its name."""
    if isinstance(document, dict):
        for key, item in document.items():
            # Names of figures are shown with spaces, their values as they are.
            if key not in _JSON_ONLY:
                yield from leaves(item, key)
    elif isinstance(document, list):
        for item in document:
            yield from leaves(item, name)
    elif name not in _NOT_SHOWN and not isinstance(document, bool) and document is not None:
        yield name, document


def as_shown(name: str, value: int | str) -> set[str]:
    """How a value of the JSON may read for people."""
    if name == "what":
        # The title of a group of findings.
        return {str(value), f"{str(value)[:1].upper()}{str(value)[1:]}"}
    if name == "duration_ms":
        return {duration(int(value))}
    if isinstance(value, int):
        return {f"{value:,}", str(value)}
    return {moment(datetime.fromisoformat(value)) if name.endswith("_at") else value}


def readable_forms(result: VerificationResult, sha256: str) -> dict[str, str]:
    """The three forms for people, as the texts that a renderer shows."""
    markdown = verification_markdown(result, sha256)
    # A picture says again what the table beside it says, in its own way; Markdown has it as an image.
    html = re.sub(r"<(style|svg)\b.*?</\1>", "", verification_html(result, sha256), flags=re.DOTALL)
    return {
        "text": verification_text(result, sha256=sha256, screen=Screen(width=10_000)),
        "markdown": "\n".join(token.content for token in inline_tokens(markdown) if token.type != "image"),
        "html": read_html(html).text,
    }


def test_every_fact_of_the_json_is_in_the_page() -> None:
    result = numbered_result()
    facts = list(leaves(verification_document(result)))
    assert len(facts) > 350
    shown = readable_forms(result, "0" * 64)["html"]
    assert [(name, value) for name, value in facts if not any(text in shown for text in as_shown(name, value))] == []


def test_text_and_page_show_the_same_figures_and_markdown_no_others() -> None:
    forms = readable_forms(numbered_result(), "0" * 64)
    numbers = {form: set(re.findall(r"\d[\d,.]*\d", shown)) for form, shown in forms.items()}
    assert numbers["markdown"] - numbers["html"] == set()
    # A cut list says how many it leaves out, in each form of its own.
    left_out = set(re.findall(r"and ([\d,]+) more", forms["text"]))
    assert numbers["text"] - numbers["html"] - left_out == set()
    assert numbers["html"] - numbers["text"] == set()
    assert len(numbers["markdown"]) > 150


@pytest.mark.parametrize("result", [passing_result(), failing_result("growth")])
def test_formats_show_hash_verdict_headline_and_outcomes(result: VerificationResult) -> None:
    sha256 = document_sha256(verification_document(result))
    first = first_screen(result)
    for form, shown in readable_forms(result, sha256).items():
        assert sha256 in shown
        assert verdict_sentence(result) in as_one_line(shown)
        assert first.now_in_kinds in as_one_line(shown)
        assert form == "text" or first.progress in shown
        for check in result.checks:
            assert RULES[check.rule].title in shown
            assert check.summary in as_one_line(shown)


def as_one_line(shown: str) -> str:
    """The text as it was before it was wrapped for a terminal."""
    return " ".join(shown.split())


def test_formats_show_how_the_report_was_made() -> None:
    result = replace(passing_result(), created_by="a reviewer", code_version="9.8.7", vocabulary_version="fedcba")
    for form in readable_forms(result, "0" * 64).values():
        for fact in (
            "a reviewer",
            "9.8.7",
            "fedcba",
            "2026-01-19 12:00:05 UTC",
            "4.3 s",
            "operator",
            "stage_decisions.yaml",
        ):
            assert fact in form


def test_report_of_one_fund_says_so() -> None:
    one, whole = replace(passing_result(), scope=FundScope.one("12")), passing_result()
    assert all("Only fund-12 was verified" in form for form in readable_forms(one, "0" * 64).values())
    assert not any("Only" in form for form in readable_forms(whole, "0" * 64).values())
