"""Compare the database with the file of a signed report: `stagenorm verify --against signed.json`.

A person who can write every table can change a plan together with its recorded digest, but cannot change a file that is
kept outside the database.
"""

import hashlib
import json
import re
from dataclasses import dataclass, replace
from typing import Any

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.receipts.check import read_receipt_mismatches
from stagenorm_pipeline.engine.receipts.plan_digest import PlanDigest, read_plan_digests
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.verify.result import (
    Against,
    AgainstOutcome,
    CheckResult,
    Finding,
    Severity,
    some_of_each,
)
from stagenorm_pipeline.engine.verify.snapshot import Snapshot
from stagenorm_pipeline.errors import ConfigurationError

_SHA256 = re.compile("[0-9a-f]{64}")
_DIFFERS = "differs from the signed report"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedReport:
    """A signed report from its file: the hash of the file and the digest of each closed plan."""

    sha256: str
    digests: dict[int, str]


def read_signed_report(content: bytes, name: str) -> SignedReport:
    """Read the JSON of a signed report. Raises ConfigurationError that says what is wrong with the file."""
    try:
        document = json.loads(content)
    except ValueError as error:
        raise _unusable(name, "it is not JSON") from error
    if not isinstance(document, dict) or document.get("kind") != "verification":
        raise _unusable(name, "it is not the report of a verification")
    if document.get("report_version") != 1:
        raise _unusable(name, f"its report_version is {document.get('report_version')!r}, not 1")
    if "plan_digests" not in document:
        raise _unusable(name, "it has no plan_digests: an older version of stagenorm made it")
    found = document["plan_digests"]
    if not isinstance(found, list):
        raise _unusable(name, "its plan_digests are not a list")
    digests = dict(_digest(entry, name) for entry in found)
    return SignedReport(
        sha256=hashlib.sha256(content).hexdigest(),
        digests={plan_id: digest for plan_id, digest in digests.items() if digest is not None},
    )


def _digest(entry: Any, name: str) -> tuple[int, str | None]:
    """Read the plan and digest of an entry. None: the plan had no digest when the report was made."""
    plan_id = entry.get("plan_id") if isinstance(entry, dict) else None
    if not isinstance(plan_id, int) or isinstance(plan_id, bool):
        raise _unusable(name, "an entry of its plan_digests has no plan_id")
    digest = entry.get("plan_sha256")
    if digest is not None and not (isinstance(digest, str) and _SHA256.fullmatch(digest)):
        raise _unusable(name, f"the plan_sha256 of plan {plan_id} in its plan_digests is not a SHA-256")
    return plan_id, digest


def _unusable(name: str, problem: str) -> ConfigurationError:
    return ConfigurationError(
        f"{name} is not usable for a comparison: {problem}.",
        remedy="Use the JSON report that was signed. `stagenorm verify --output report.json` wrote it.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The differences between the database and a signed report, one finding each."""

    facts: Against
    findings: tuple[Finding, ...] = ()

    def judge(self, check: CheckResult) -> CheckResult:
        """Add the differences to rule 5. Each is an error."""
        check = replace(check, figures={**check.figures, "differences_from_signed_report": len(self.findings)})
        if not self.findings:
            return check
        summary = () if check.passed else (check.summary,)
        advice = filter(None, (_ADVICE, check.recommendation))
        return replace(
            check,
            passed=False,
            severity=Severity.ERROR,
            summary="; ".join((f"{counted(len(self.findings), 'difference')} from the signed report", *summary)),
            findings=some_of_each(self.findings, check.findings),
            findings_total=check.findings_total + len(self.findings),
            recommendation=" ".join(advice),
        )


_ADVICE = (
    "The tracking tables were changed after the report was signed, or the report is of another database. Restore the "
    "tables named here from a backup, and find out who can write them."
)


def compare(snapshot: Snapshot, signed: SignedReport) -> Comparison:
    """Compare the record of the verification and the plans of the signed report with the database."""
    row = snapshot.connection.exec_driver_sql(
        statement("verify/signed_report"), {"report_sha256": signed.sha256}
    ).one_or_none()
    problems: list[tuple[int | None, str]] = []
    if row is None:
        problems.append(
            (None, "this database has no record of the report: it was deleted, or the report is of another database")
        )
    elif row.signed_off_by is None:
        problems.append((None, f"verification {row.verification_id} is not signed in this database"))
    for digest in read_plan_digests(snapshot.connection, sorted(signed.digests)):
        problems += [(digest.plan_id, part) for part in _differing(digest, signed.digests[digest.plan_id])]
    problems += _log_differences(snapshot, signed)
    return Comparison(
        facts=Against(
            report_sha256=signed.sha256,
            verification_id=row.verification_id if row else None,
            signed_off_by=row.signed_off_by if row else None,
            plans_compared=len(signed.digests),
            differences=len(problems),
            outcome=AgainstOutcome.DIFFERS if problems else AgainstOutcome.SAME,
        ),
        findings=tuple(
            Finding(what=_DIFFERS, detail=part if plan_id is None else f"plan {plan_id}: {part}")
            for plan_id, part in problems
        ),
    )


def _differing(digest: PlanDigest, signed: str) -> list[str]:
    if digest.recorded is None:
        return ["its recorded digest was deleted"]
    parts = [f"its {part.value}" for part in digest.changed]
    if digest.recorded.hex() != signed:
        parts.append("its recorded digest")
    if digest.altered_spellings:
        parts.append(f"the text of {digest.altered_spellings:,} of its spellings")
    return parts


def _log_differences(snapshot: Snapshot, signed: SignedReport) -> list[tuple[int | None, str]]:
    """Find entries of the signed plans that do not match their receipts. Rule 5 judges only newer entries."""
    check = read_receipt_mismatches(snapshot.connection, snapshot.targets, FundScope())
    return [
        (found.plan_id, f"the audit log of its batch {found.batch_id} ({found.kind.value})")
        for found in check.mismatches
        if found.plan_id in signed.digests
    ]
