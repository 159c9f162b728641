"""Read the signed state: the newest signed verification that covers the request, and its stored report."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from stagenorm_pipeline.engine.inventory.inventory import RowCounts
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.verify.result import SignedVerification
from stagenorm_pipeline.engine.verify.starting_point import StartingPoint, starting_point_at


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedState:
    """The signed verification, and its report if that can be trusted.

    `report` None: a version that stored no reports made it, or `problem` says what is wrong with it.
    """

    facts: SignedVerification
    start: StartingPoint
    report: Mapping[str, Any] | None = None
    problem: str | None = None


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
        return SignedState(facts=facts, start=StartingPoint(), problem="its stored report is gone")
    if row.report is None:
        # A plan made after the signature has its own baseline. Without such a plan, only earlier plans have one.
        start = starting_point_at(connection, row.created_at) if row.has_newer_plan else StartingPoint()
        return SignedState(facts=facts, start=start)
    report = _trusted(row)
    if isinstance(report, _Untrusted):
        return SignedState(facts=facts, start=StartingPoint(), problem=report.problem)
    start = StartingPoint(log_id=row.last_log_id or 0, opened_from=row.created_at)
    return SignedState(facts=replace(facts, is_compared=True), start=start, report=report)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Untrusted:
    """A stored report that is not the signed one, and why."""

    problem: str


def _trusted(row: Any) -> Mapping[str, Any] | _Untrusted:
    """Read the stored report, or say what is wrong with it. The reviewer signed its hash."""
    if hashlib.sha256(row.report.encode()).hexdigest() != row.report_sha256:
        return _Untrusted(problem="the stored report was altered: its SHA-256 is not report_sha256")
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
            return _Untrusted(problem="its row in stage_verifications does not match the stored report")
        [(RowCounts(**fund["after"]), dict(fund["after_stages"])) for fund in report["funds"] if fund["after"]]
    except (ValueError, KeyError, TypeError):
        return _Untrusted(problem="the stored report cannot be read")
    return report


def _scope(scope: Mapping[str, Any]) -> tuple[bool, str | None]:
    return scope["all_funds"], scope.get("fund_id")
