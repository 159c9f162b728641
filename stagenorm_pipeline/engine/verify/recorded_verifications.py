"""Record a verification with its report, list the recorded ones, and read a recorded report."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime

from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.migrations import require_migrations
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.verify.result import Outcome, Verdict, VerificationResult
from stagenorm_pipeline.errors import StagenormError


class RecordedReportError(StagenormError):
    """A verification does not exist, or its report is missing or was altered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedVerification:
    """A recorded verification. `has_report`: its report is stored, and `read_report` returns it."""

    verification_id: int
    created_at: datetime
    created_by: str
    targets: tuple[str, ...]
    scope: FundScope
    strict: bool
    verdict: Verdict
    checks_passed: int
    checks_failed: int
    checks_warned: int
    report_sha256: str
    has_report: bool
    last_log_id: int | None
    signed_off_by: str | None
    signed_off_at: datetime | None
    accepted_warnings: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedReport:
    """The JSON report of a verification, byte for byte as in its file, and its hash."""

    verification_id: int
    json: str
    sha256: str


def record_verification(database: Database, result: VerificationResult, *, report: str) -> int:
    """Record a verification with its JSON report, byte for byte as in the file. Returns its number."""
    plans = (*result.plans, *result.rolled_back, *result.rollbacks)
    with database.transaction() as connection:
        number = connection.exec_driver_sql(
            statement("verify/record_verification"),
            {
                "created_at": result.created_at,
                "created_by": result.created_by,
                "plan_id": max((plan.plan_id for plan in plans), default=None),
                "scope": json.dumps({"targets": list(result.targets), **result.scope.as_json()}),
                "strict": result.strict,
                "verdict": result.verdict.value,
                "checks_passed": result.count(Outcome.PASSED),
                "checks_failed": result.count(Outcome.FAILED),
                "checks_warned": result.count(Outcome.WARNED),
                "report": report,
                "report_sha256": hashlib.sha256(report.encode("ascii")).hexdigest(),
                "last_log_id": result.last_log_id,
            },
        ).scalar_one()
    return int(number)


def read_recorded_verifications(database: Database) -> tuple[RecordedVerification, ...]:
    """List the recorded verifications, newest first."""
    with database.snapshot() as connection:
        require_migrations(connection)
        rows = connection.exec_driver_sql(statement("verify/recorded_verifications")).mappings().all()
    verifications = []
    for row in rows:
        scope = row["scope"]
        facts = {
            **row,
            "scope": FundScope(all_funds=scope["all_funds"], fund_id=scope.get("fund_id")),
            "verdict": Verdict(row["verdict"]),
        }
        verifications.append(RecordedVerification(**facts, targets=tuple(scope["targets"])))
    return tuple(verifications)


def prune_reports(database: Database, *, keep_days: int) -> int:
    """Remove the stored reports of unsigned verifications older than `keep_days`. Returns how many."""
    with database.transaction() as connection:
        require_migrations(connection)
        return connection.exec_driver_sql(statement("verify/prune_reports"), {"days": keep_days}).rowcount


def read_report(database: Database, verification_id: int) -> RecordedReport:
    """Read the JSON report of a verification.

    Raises RecordedReportError if there is none, or if its hash is not the recorded one.
    """
    with database.snapshot() as connection:
        require_migrations(connection)
        values = {"verification_id": verification_id}
        row = connection.exec_driver_sql(statement("verify/recorded_report"), values).one_or_none()
    if row is None:
        raise RecordedReportError(
            f"There is no verification {verification_id}.", remedy="List them: stagenorm report --list"
        )
    if row.report is None:
        raise RecordedReportError(
            f"Verification {verification_id} has no stored report: it was made on {row.created_at:%Y-%m-%d}, and "
            "pruned since, or made before reports were stored.",
            remedy=f"Look for its archived JSON file: its SHA-256 is {row.report_sha256}.",
        )
    sha256 = hashlib.sha256(row.report.encode("utf-8")).hexdigest()
    if sha256 != row.report_sha256:
        raise RecordedReportError(
            f"The stored report of verification {verification_id} was altered: its SHA-256 is {sha256}, "
            f"the recorded one is {row.report_sha256}.",
            remedy="Use the archived JSON file of this verification, and find out who can write stage_verifications.",
        )
    return RecordedReport(verification_id=verification_id, json=row.report, sha256=sha256)
