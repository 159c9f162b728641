"""Read the signed state: the newest signed verification of all that is asked for, and what its report counted."""

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
from stagenorm_pipeline.engine.verify.starting_point import Start, starting_at


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedState:
    """The signed verification, and its report where that can be trusted.

    `report` None: it was stored by a version that kept no report, or `problem` says what is wrong with it.
    """

    facts: SignedVerification
    start: Start
    report: Mapping[str, Any] | None = None
    problem: str | None = None


def read_signed_state(connection: sa.Connection, targets: tuple[str, ...], scope: FundScope) -> SignedState | None:
    """The signed state to start from; None: nothing was signed that covers all targets and the scope."""
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
        return SignedState(facts=facts, start=Start(), problem="its stored report is gone")
    if row.report is None:
        # A later plan has a baseline to compare with. Without one, only what came before the signature has.
        start = starting_at(connection, row.created_at) if row.has_newer_plan else Start()
        return SignedState(facts=facts, start=start)
    report, problem = _trusted(row)
    if report is None:
        return SignedState(facts=facts, start=Start(), problem=problem)
    start = Start(log_id=row.last_log_id or 0, opened_from=row.created_at)
    return SignedState(facts=replace(facts, is_compared=True), start=start, report=report)


def _trusted(row: Any) -> tuple[Mapping[str, Any] | None, str | None]:
    """The stored report, or what is wrong with it. Its hash is what the reviewer signed."""
    if hashlib.sha256(row.report.encode()).hexdigest() != row.report_sha256:
        return None, "the stored report was altered: its SHA-256 is not report_sha256"
    try:
        report = json.loads(row.report)
        recorded = (row.created_at, row.verdict, row.last_log_id, sorted(row.scope["targets"]), _scope(row.scope))
        made_at = datetime.fromisoformat(report["created_at"])
        said = (made_at, report["verdict"], report["last_log_id"], sorted(report["targets"]), _scope(report["scope"]))
        if said != recorded:
            return None, "its row in stage_verifications says something else than the stored report"
        [(RowCounts(**fund["after"]), dict(fund["after_stages"])) for fund in report["funds"] if fund["after"]]
    except (ValueError, KeyError, TypeError):
        return None, "the stored report cannot be read"
    return report, None


def _scope(scope: Mapping[str, Any]) -> tuple[bool, str | None]:
    return scope["all_funds"], scope.get("fund_id")
