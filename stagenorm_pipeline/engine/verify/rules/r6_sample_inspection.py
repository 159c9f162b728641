"""Rule 6: a random sample of the changes for a person to read. Fails only if the sample cannot be read."""

from sqlalchemy.exc import DBAPIError

from stagenorm_pipeline.engine.postgres.connection import first_line
from stagenorm_pipeline.engine.verify.audit_log import AuditLog
from stagenorm_pipeline.engine.verify.result import CheckResult, Finding, Rule, SampleRow, Severity
from stagenorm_pipeline.engine.verify.rules.description import RuleDescription
from stagenorm_pipeline.engine.verify.sample import read_sample
from stagenorm_pipeline.engine.verify.snapshot import Snapshot

DESCRIPTION = RuleDescription(
    rule=Rule.SAMPLE_INSPECTION,
    title="Sample Inspection",
    proves="Nothing by itself: a person reads the sample. Every change had the same chance to be drawn.",
    cannot_know="Anything about the rows that were not drawn.",
    severity="An error, and only if the sample cannot be read.",
)
_COMPARED = "nothing: a uniform random sample of the audit log and what each row holds now, for a person to read"


def check(snapshot: Snapshot, log: AuditLog, size: int, seed: int) -> tuple[CheckResult, tuple[SampleRow, ...]]:
    """Draw the sample."""
    figures = {"rows_asked": size, "rows_sampled": 0, "rows_to_draw_from": log.entries.count, "seed": seed}
    try:
        # A savepoint: after an error the transaction would accept no more statements, and `--findings` reads on.
        with snapshot.connection.begin_nested():
            sample = read_sample(snapshot, log, size, seed)
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        return _not_made(figures, first_line(error)), ()
    figures["rows_sampled"] = len(sample)
    made = f"Retrieved {len(sample):,} random samples for manual review" if sample else "Nothing was changed: no sample"
    return CheckResult(
        rule=Rule.SAMPLE_INSPECTION,
        passed=True,
        severity=Severity.ERROR,
        summary=made,
        compared=_COMPARED,
        figures=figures,
    ), sample


def _not_made(figures: dict[str, int], message: str) -> CheckResult:
    return CheckResult(
        rule=Rule.SAMPLE_INSPECTION,
        passed=False,
        severity=Severity.ERROR,
        summary="The sample could not be read from the database",
        compared=_COMPARED,
        figures=figures,
        # The message of the database may quote the data, so it is a finding and not the summary.
        findings=(Finding(what="message of the database", detail=message),),
        findings_total=1,
        recommendation="Fix the cause (a damaged row_id in the audit log, a time limit), then verify again.",
    )
