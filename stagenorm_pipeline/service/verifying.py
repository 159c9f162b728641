"""Verify the database, make the report, record both; and read recorded reports again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, partial
from hashlib import sha256
from pathlib import Path

from stagenorm_pipeline.engine.verify import recorded_verifications
from stagenorm_pipeline.engine.verify.against_signed_report import SignedReport, read_signed_report
from stagenorm_pipeline.engine.verify.recorded_verifications import RecordedVerification, record_verification
from stagenorm_pipeline.engine.verify.result import Finding, FindingsFile, Rule, VerificationResult
from stagenorm_pipeline.engine.verify.verification import DEFAULT_SAMPLE_SIZE, VerifyRequest
from stagenorm_pipeline.engine.verify.verification import verify as run_rules
from stagenorm_pipeline.errors import ConfigurationError
from stagenorm_pipeline.output_files import written_file
from stagenorm_pipeline.report.finding_lines import finding_line
from stagenorm_pipeline.report.json_document import document_json, document_sha256, verification_document
from stagenorm_pipeline.report.json_reader import read_verification
from stagenorm_pipeline.report.report_form import ReportForm, report_in
from stagenorm_pipeline.service.context import ServiceContext
from stagenorm_pipeline.service.deciding import decisions_in_force
from stagenorm_pipeline.service.selecting import Selection


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationSettings:
    """How to verify. `plan_id`: compare with this plan's baseline. `against`: a signed report kept elsewhere."""

    strict: bool = False
    sample_size: int = DEFAULT_SAMPLE_SIZE
    sample_seed: int = 0
    plan_id: int | None = None
    against: SignedReport | None = None


@dataclass(frozen=True, kw_only=True)
class VerificationReport:
    """A recorded verification with its report. `json` is the text whose SHA-256 was recorded, byte for byte."""

    number: int
    json: str
    sha256: str
    _result: VerificationResult | None = field(default=None, repr=False)

    @cached_property
    def result(self) -> VerificationResult:
        """What the seven rules found."""
        return self._result or read_verification(self.json)

    def text(self, form: ReportForm) -> str:
        """Return the report in one of its four forms."""
        if form is ReportForm.JSON:
            return self.json
        return report_in(form, self.result, report=self.json, sha256=self.sha256, number=self.number)


def verify(
    context: ServiceContext,
    *,
    selection: Selection,
    settings: VerificationSettings | None = None,
    findings: Path | None = None,
) -> VerificationReport:
    """Run the seven rules in one snapshot and record the verdict with its report. Never writes to the targets.

    `findings`: a file for every finding, one JSON object per line. The report has its hash.
    """
    vocabulary_request = _request(context, selection, settings or VerificationSettings())
    context.require_writable()
    write_findings = None if findings is None else partial(_write_findings, findings)
    result = run_rules(context.database, vocabulary_request, write_findings=write_findings)
    document = verification_document(result)
    text = document_json(document)
    number = record_verification(context.database, result, report=text)
    return VerificationReport(number=number, json=text, sha256=document_sha256(document), _result=result)


def verify_without_recording(
    context: ServiceContext, *, selection: Selection, settings: VerificationSettings | None = None
) -> VerificationResult:
    """Run the seven rules and record nothing."""
    return run_rules(context.database, _request(context, selection, settings or VerificationSettings()))


def _write_findings(path: Path, found: Iterator[tuple[Rule, Finding]]) -> FindingsFile:
    digest, counts = sha256(), Counter[str]()
    with written_file(path) as file:
        for rule, finding in found:
            line = finding_line(rule, finding)
            digest.update(line)
            file.write(line)
            counts[rule.value] += 1
    return FindingsFile(sha256=digest.hexdigest(), findings=counts.total(), by_rule=dict(counts))


def load_signed_report(path: Path) -> SignedReport:
    """Read the JSON file of a signed report. Raises ConfigurationError if it cannot be read or is no such report."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read: {error.strerror}.", remedy="Name the JSON report that was signed."
        ) from error
    return read_signed_report(content, str(path))


def list_verifications(context: ServiceContext) -> tuple[RecordedVerification, ...]:
    """List the recorded verifications, newest first."""
    return recorded_verifications.read_recorded_verifications(context.database)


def prune_reports(context: ServiceContext, *, keep_days: int) -> int:
    """Remove the stored reports of unsigned verifications older than `keep_days`. Returns how many.

    Their verdicts and hashes stay. Needs the owner of stagenorm's tables.
    """
    return recorded_verifications.prune_reports(context.database, keep_days=keep_days)


def read_report(context: ServiceContext, *, number: int) -> VerificationReport:
    """Read the report of a recorded verification. Raises RecordedReportError if it is missing or was altered."""
    stored = recorded_verifications.read_report(context.database, number)
    return VerificationReport(number=number, json=stored.json, sha256=stored.sha256)


def _request(context: ServiceContext, selection: Selection, settings: VerificationSettings) -> VerifyRequest:
    return VerifyRequest(
        vocabulary=context.vocabulary,
        decisions_file=decisions_in_force(context.configuration),
        created_by=context.user,
        targets=selection.targets,
        scope=selection.scope,
        strict=settings.strict,
        sample_size=settings.sample_size,
        sample_seed=settings.sample_seed,
        plan_id=settings.plan_id,
        settings=context.configuration.verify,
        against=settings.against,
    )
