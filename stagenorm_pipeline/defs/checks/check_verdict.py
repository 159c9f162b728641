"""A rule's verdict as an asset check shows it, in a form that the report's materialization can carry to the checks.

The check step runs after the report's, on a database that has moved on. Within one run the checks therefore show what
the report found, in its one snapshot, and not what they would find now.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import dagster as dg

from stagenorm_pipeline.defs.ui_hints import for_pages
from stagenorm_pipeline.engine.verify.result import CheckResult, Severity, VerificationResult
from stagenorm_pipeline.report.escape import sentence_for_terminal
from stagenorm_pipeline.report.markdown_text import check_markdown

CHECKS_KEY = "checks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One rule's verdict. `sentence`: the result and what to do. `details`: all of it, as Markdown.

    `compared`: what was compared with what. `duration_ms`: what this rule alone took.
    """

    rule: str
    passed: bool
    severity: str
    sentence: str
    figures: Mapping[str, int]
    compared: str
    duration_ms: int
    details: str

    def as_asset_check(self) -> dg.AssetCheckResult:
        is_error = self.severity == Severity.ERROR
        return dg.AssetCheckResult(
            asset_key="verification_report",
            check_name=self.rule,
            passed=self.passed,
            severity=dg.AssetCheckSeverity.ERROR if is_error else dg.AssetCheckSeverity.WARN,
            # Shown in the list of checks; the metadata hides behind a click.
            description=self.sentence,
            metadata={
                **self.figures,
                "compared": self.compared,
                "duration_ms": self.duration_ms,
                "details": dg.MetadataValue.md(self.details),
            },
        )


def verdicts(result: VerificationResult) -> dict[str, Verdict]:
    """The verdict of each rule by the name of its check."""
    return {check.rule.value: _verdict(check) for check in result.checks}


def verdicts_to_metadata(result: VerificationResult) -> dg.JsonMetadataValue:
    return dg.MetadataValue.json({name: asdict(verdict) for name, verdict in verdicts(result).items()})


def verdicts_from_metadata(value: Mapping[str, Any]) -> dict[str, Verdict]:
    return {name: Verdict(**verdict) for name, verdict in value.items()}


def _verdict(check: CheckResult) -> Verdict:
    sentence = check.summary if check.recommendation is None else f"{check.summary}. {check.recommendation}"
    return Verdict(
        rule=check.rule.value,
        passed=check.passed,
        severity=check.severity.value,
        sentence=sentence_for_terminal(for_pages(sentence)),
        figures=dict(check.figures),
        compared=check.compared,
        duration_ms=check.duration_ms,
        details=check_markdown(check),
    )
