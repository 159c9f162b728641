"""The verdict of one rule, in a form that the report's materialization can carry to the asset checks.

The check step runs after the report's step, when the database may have changed. Within one run the checks therefore
show what the report found in its snapshot.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import dagster as dg

from stagenorm_pipeline.defs.assets.asset_names import VERIFICATION_REPORT
from stagenorm_pipeline.defs.ui_hints import with_ui_steps
from stagenorm_pipeline.engine.verify.result import CheckResult, Severity, VerificationResult
from stagenorm_pipeline.report.escape import sentence_for_terminal
from stagenorm_pipeline.report.markdown_text import check_markdown

CHECKS_KEY = "checks"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckVerdict:
    """The verdict of one rule. `sentence`: the result and what to do. `details`: the full result as Markdown.

    `compared`: what the rule compared. `duration_ms`: how long this rule took.
    """

    rule: str
    passed: bool
    severity: str
    sentence: str
    figures: Mapping[str, int]
    compared: str
    duration_ms: int
    details: str

    def as_check_result(self) -> dg.AssetCheckResult:
        is_error = self.severity == Severity.ERROR
        return dg.AssetCheckResult(
            asset_key=VERIFICATION_REPORT,
            check_name=self.rule,
            passed=self.passed,
            severity=dg.AssetCheckSeverity.ERROR if is_error else dg.AssetCheckSeverity.WARN,
            # The list of checks shows the description. The metadata is one click away.
            description=self.sentence,
            metadata={
                **self.figures,
                "compared": self.compared,
                "duration_ms": self.duration_ms,
                "details": dg.MetadataValue.md(self.details),
            },
        )


def check_verdicts(result: VerificationResult) -> dict[str, CheckVerdict]:
    """Return the verdict of each rule by the name of its check."""
    return {check.rule.value: _verdict(check) for check in result.checks}


def verdicts_to_metadata(result: VerificationResult) -> dg.JsonMetadataValue:
    return dg.MetadataValue.json({name: asdict(verdict) for name, verdict in check_verdicts(result).items()})


def verdicts_from_metadata(value: Mapping[str, Any]) -> dict[str, CheckVerdict]:
    return {name: CheckVerdict(**verdict) for name, verdict in value.items()}


def _verdict(check: CheckResult) -> CheckVerdict:
    sentence = check.summary if check.recommendation is None else f"{check.summary}. {check.recommendation}"
    return CheckVerdict(
        rule=check.rule.value,
        passed=check.passed,
        severity=check.severity.value,
        sentence=sentence_for_terminal(with_ui_steps(sentence)),
        figures=dict(check.figures),
        compared=check.compared,
        duration_ms=check.duration_ms,
        details=check_markdown(check),
    )
