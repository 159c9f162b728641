"""Read the signed state: the newest signed verification that covers the request, and its stored report."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, assert_never

import sqlalchemy as sa

from stagenorm_pipeline.engine.inventory.inventory import RowCounts
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.verify.result import SignedVerification
from stagenorm_pipeline.engine.verify.starting_point import StartingPoint, starting_point_at


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedReport:
    """The stored report, which has the hash that the reviewer signed."""

    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportNotStored:
    """A version of stagenorm that stored no reports made the verification."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UntrustedReport:
    """The stored report is not the signed one. `problem` says why."""

    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedState:
    """The signed verification, where the next one starts to judge, and the stored report."""

    facts: SignedVerification
    start: StartingPoint
    report: TrustedReport | ReportNotStored | UntrustedReport


def read_signed_state(connection: sa.Connection, targets: tuple[str, ...], scope: FundScope) -> SignedState | None:
    """Read the signed state to start from. None if no signed verification covers all targets and the scope."""
    values = {"targets": list(targets), "all_funds": scope.all_funds, "fund_id": scope.fund_id}
    row = connection.exec_driver_sql(statement("verify/signed_state"), values).one_or_none()
    if row is None:
        return None
    facts = SignedVerification(
        verification_id=row.verification_id,
        made_at=row.created_at,
        signed_off_by=row.signed_off_by,
        signed_off_at=row.signed_off_at,
        is_compared=False,
        accepted_warnings=row.accepted_warnings,
    )
    if row.report is None and row.is_stored:
        gone = UntrustedReport(problem="its stored report is gone")
        return SignedState(facts=facts, start=StartingPoint(), report=gone)
    if row.report is None:
        # A plan made after the signature has its own baseline. Without such a plan, only earlier plans have one.
        start = starting_point_at(connection, row.created_at) if row.has_newer_plan else StartingPoint()
        return SignedState(facts=facts, start=start, report=ReportNotStored())
    match _read_report(row):
        case UntrustedReport() as untrusted:
            return SignedState(facts=facts, start=StartingPoint(), report=untrusted)
        case TrustedReport() as trusted:
            start = StartingPoint(log_id=row.last_log_id or 0, opened_from=row.created_at)
            return SignedState(facts=replace(facts, is_compared=True), start=start, report=trusted)
        case never:
            assert_never(never)


def _read_report(row: Any) -> TrustedReport | UntrustedReport:
    """Read the stored report, or say what is wrong with it. The reviewer signed its hash."""
    if hashlib.sha256(row.report.encode()).hexdigest() != row.report_sha256:
        return UntrustedReport(problem="the stored report was altered: its SHA-256 is not report_sha256")
    try:
        report: Mapping[str, Any] = json.loads(row.report)
        recorded = (row.created_at, row.verdict, row.last_log_id, sorted(row.scope["targets"]), _scope(row.scope))
        made_at = datetime.fromisoformat(report["created_at"])
        reported = (
            made_at,
            report["verdict"],
            report["last_log_id"],
            sorted(report["targets"]),
            _scope(report["scope"]),
        )
        if reported != recorded:
            return UntrustedReport(problem="its row in stage_verifications does not match the stored report")
        [(RowCounts(**fund["after"]), dict(fund["after_stages"])) for fund in report["funds"] if fund["after"]]
    except (ValueError, KeyError, TypeError):
        return UntrustedReport(problem="the stored report cannot be read")
    return TrustedReport(document=report)


def _scope(scope: Mapping[str, Any]) -> tuple[bool, str | None]:
    return scope["all_funds"], scope.get("fund_id")
