"""Write the verification report as one HTML file to archive, print and sign. It needs no network and no script."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from stagenorm_pipeline.engine.verify.result import CheckResult, Outcome, VerificationResult
from stagenorm_pipeline.engine.verify.rules.registry import RULES
from stagenorm_pipeline.report.charts import SPELLINGS_DRAWN
from stagenorm_pipeline.report.first_screen import first_screen
from stagenorm_pipeline.report.number_formats import duration, number
from stagenorm_pipeline.report.sections import outline
from stagenorm_pipeline.report.sign_off_statement import FIELDS, RECORD, is_to_sign, record_command, statement
from stagenorm_pipeline.report.table_limits import Limits
from stagenorm_pipeline.report.tables import Cell
from stagenorm_pipeline.report.wording import (
    MARKS,
    OUTCOMES,
    VERDICTS,
    about,
    all_findings_note,
    checks_line,
    figures_line,
    rule_name,
)

_TEMPLATES: Final = "templates"
# A page with more rows is slow on a phone. The JSON has all of them. Not fewer: the runbook asks for a sample of 500,
# and the reviewer reads all of it.
_ROWS: Final = 500
_LIMITS: Final = Limits(stages=_ROWS, funds=_ROWS, findings=_ROWS, spellings=_ROWS, sample=_ROWS, plans=_ROWS)
# The rows of a table before the rest is behind a click, so that the page of a failed verification stays short.
_SHOWN: Final[Mapping[str, int]] = MappingProxyType({"spellings": SPELLINGS_DRAWN, "table": 20, "findings": 3})


def verification_html(result: VerificationResult, sha256: str | None = None, verification_id: int | None = None) -> str:
    """Write the verification report as a whole page.

    `sha256`: the hash of the JSON. `verification_id`: the number of the recorded verification.
    """
    # jinja2 is imported only for a page: every command that can write a report imports this module.
    from stagenorm_pipeline.report.page_templates import content_policy, read_source, render

    style = read_source(_TEMPLATES, "report.css")
    return render(
        _TEMPLATES,
        "verification.html.jinja",
        style=style,
        policy=content_policy(style),
        title=VERDICTS[result.verdict].lower(),
        **_facts(result, sha256, verification_id),
    )


def _facts(result: VerificationResult, sha256: str | None, verification_id: int | None) -> dict[str, Any]:
    has_command = is_to_sign(result) and verification_id is not None
    return {
        "first": first_screen(result, verification_id),
        "sections": tuple(outline(result, _LIMITS)),
        "passed": tuple(check for check in result.checks if check.outcome is Outcome.PASSED),
        "counts": checks_line(result),
        "marks": MARKS,
        "outcomes": OUTCOMES,
        "names": {check.rule: rule_name(check.rule) for check in result.checks},
        "about_check": {check.rule: _about(check) for check in result.checks},
        "about": about(result, sha256, verification_id),
        "all_findings": all_findings_note(result),
        "shown": _SHOWN,
        "statement": statement(result),
        "fields": FIELDS if is_to_sign(result) else (),
        "record": RECORD,
        "record_command": record_command(result, verification_id) if has_command and verification_id else None,
        "sha256": sha256,
    }


def _about(check: CheckResult) -> tuple[tuple[str, Cell], ...]:
    return (
        ("Figures", figures_line(check)),
        *((("Findings", f"{len(check.findings)} of {number(check.findings_total)} listed"),) if check.findings else ()),
        ("Compared", check.compared),
        ("Passing proves", RULES[check.rule].proves),
        ("Cannot know", RULES[check.rule].cannot_know),
        ("If it does not pass", RULES[check.rule].severity),
        ("Took", duration(check.duration_ms)),
    )
