"""Reading a JSON report back: the result is the one that was written, and every form of it is the same text."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagenorm_pipeline.engine.verify.result import CheckResult, Rule, Severity, VerificationResult
from stagenorm_pipeline.report.json_document import document_json, verification_document
from stagenorm_pipeline.report.json_reader import ReportReadError, read_verification
from stagenorm_pipeline.report.report_form import ReportForm, report_in
from stagenorm_pipeline_tests.support.report_results import HOSTILE_IN_REPORTS, failing_result, passing_result

_CHECKS = st.builds(
    CheckResult,
    rule=st.sampled_from(Rule),
    passed=st.booleans(),
    severity=st.sampled_from(Severity),
    summary=st.text(),
    compared=st.text(),
    figures=st.dictionaries(st.text(), st.integers(min_value=0)),
    recommendation=st.none() | st.text(),
)


def written(result: VerificationResult) -> str:
    return document_json(verification_document(result))


@pytest.mark.parametrize("text", HOSTILE_IN_REPORTS)
def test_reading_what_was_written_gives_an_equal_result(text: str) -> None:
    for result in (failing_result(text), passing_result()):
        assert read_verification(written(result)) == result
        assert written(read_verification(written(result))) == written(result)


@given(st.text(st.characters(codec="utf-8")), st.lists(_CHECKS, max_size=3).map(tuple), st.none() | st.integers(0))
def test_reading_restores_texts_checks_and_figure_order(
    text: str, checks: tuple[CheckResult, ...], last_log_id: int | None
) -> None:
    result = replace(failing_result(text), checks=checks, last_log_id=last_log_id)
    read = read_verification(written(result))
    assert read == result
    assert [list(check.figures) for check in read.checks] == [list(check.figures) for check in checks]


@pytest.mark.parametrize("form", ReportForm)
def test_a_report_that_was_read_prints_the_same_in_each_form(form: ReportForm) -> None:
    result = failing_result()
    report = written(result)
    forms = [
        report_in(form, one, report=report, sha256="0" * 64, number=7) for one in (result, read_verification(report))
    ]
    assert forms[0] == forms[1]


def test_a_report_of_an_older_version_reads_without_the_new_fields() -> None:
    document = verification_document(passing_result())
    del document["last_log_id"]
    for check in document["checks"]:
        del check["figures_in_order"]
    assert read_verification(document_json(document)) == replace(passing_result(), last_log_id=None)


def _with(**fields: Any) -> str:
    return document_json({**verification_document(passing_result()), **fields})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "null",
        _with(report_version=2),
        _with(kind="plan"),
        _with(checks=None),
        _with(strict=1),
        _with(duration_ms=True),
        _with(created_at="noon"),
        _with(targets="public.deals.stage"),
        json.dumps({k: v for k, v in verification_document(passing_result()).items() if k != "database"}),
    ],
)
def test_other_files_are_refused_with_a_clear_error(text: str) -> None:
    with pytest.raises(ReportReadError, match="not a report that stagenorm can read"):
        read_verification(text)
