"""Read the baseline of a target: the counts of the signed report, or of the plans, to compare with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from stagenorm_pipeline.engine.inventory.inventory import RowCounts
from stagenorm_pipeline.engine.targets.funds import FundScope, fund_order
from stagenorm_pipeline.engine.targets.target import Target
from stagenorm_pipeline.engine.verify.compared_plans import AppliedPlan
from stagenorm_pipeline.engine.verify.result import Coverage
from stagenorm_pipeline.engine.verify.signed_state import TrustedReport
from stagenorm_pipeline.engine.verify.snapshot import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedAt:
    """When a baseline was counted, in general and for single funds. None: every judged log entry is newer."""

    all_funds: datetime | None = None
    funds: Mapping[str | None, datetime] = field(default_factory=dict)

    def is_before(self, fund_id: str | None, at: datetime) -> bool:
        since = self.funds.get(fund_id, self.all_funds)
        return since is None or at > since


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What a target held in the signed state, or when the covering plans were made.

    `coverage`: where the counts come from and which funds they cover. `fund_stages`: rows by fund and canonical stage.
    """

    funds: Mapping[str | None, RowCounts]
    stages: Mapping[str, int]
    coverage: Coverage
    fund_stages: Mapping[str | None, Mapping[str, int]] = field(default_factory=dict)
    counted_at: CountedAt = field(default_factory=CountedAt)

    def before(self, fund_id: str | None) -> RowCounts | None:
        """Return the counts of a fund: all zero if it is newer, None if the baseline does not cover it."""
        if not self.coverage.all_funds and fund_id not in self.coverage.funds:
            return None
        return self.funds.get(fund_id, RowCounts())

    @property
    def counts(self) -> RowCounts:
        return sum(self.funds.values(), RowCounts())


def read_baseline(snapshot: Snapshot, target: Target) -> Baseline | None:
    """Read the baseline from the signed state, or else from the plans. None if no plan covers the target."""
    signed = snapshot.signed
    if signed is not None and isinstance(signed.report, TrustedReport):
        return _signed_baseline(target.name, snapshot.scope, signed.facts.verification_id, signed.report.document)
    covering = snapshot.plans.comparing(target.name)
    if not covering:
        return None
    funds: dict[str | None, RowCounts] = {}
    stages: dict[str, int] = {}
    fund_stages: dict[str | None, dict[str, int]] = {}
    used: set[int] = set()
    values = {**target.identity(), "plans": [plan.plan_id for plan in covering]}
    for row in snapshot.rows("verify/baseline", values):
        rows = row.rows_counted
        column = {"messy": "rows_to_change", "leave_as_is": "rows_left_as_is"}.get(row.kind, f"rows_{row.kind}")
        counts = RowCounts(**{"rows_seen": rows, column: rows})
        funds[row.fund_id] = funds.get(row.fund_id, RowCounts()) + counts
        stage = row.stage or ("NULL" if row.kind == "null" else "other")
        stages[stage] = stages.get(stage, 0) + rows
        if row.stage:
            fund_stages.setdefault(row.fund_id, {})[row.stage] = rows
        used.add(row.plan_id)
    # A plan of an empty table has no counts, but is still a baseline.
    plans = tuple(sorted(used)) or (covering[0].plan_id,)
    scopes = [plan.scope for plan in covering]
    if any(scope.all_funds or scope == snapshot.scope for scope in scopes):
        return Baseline(
            funds=funds,
            stages=stages,
            coverage=Coverage(target=target.name, plans=plans, all_funds=True),
            fund_stages=fund_stages,
            counted_at=_counted_at(covering),
        )
    covered = tuple(sorted({scope.fund_id for scope in scopes}, key=fund_order))
    return Baseline(
        funds=funds,
        stages=stages,
        coverage=Coverage(target=target.name, plans=plans, all_funds=False, funds=covered),
        fund_stages=fund_stages,
        counted_at=_counted_at(covering),
    )


def _counted_at(covering: tuple[AppliedPlan, ...]) -> CountedAt:
    """Return when the plan was made whose counts each fund has. The order of preference is that of the baseline."""
    funds: dict[str | None, datetime] = {}
    for plan in covering:
        if plan.scope.all_funds:
            return CountedAt(all_funds=plan.facts.created_at, funds=funds)
        funds.setdefault(plan.scope.fund_id, plan.facts.created_at)
    return CountedAt(funds=funds)


def _signed_baseline(target: str, scope: FundScope, verification_id: int, report: Mapping[str, Any]) -> Baseline:
    funds: dict[str | None, RowCounts] = {}
    stages: dict[str, int] = {}
    fund_stages: dict[str | None, dict[str, int]] = {}
    for fund in report["funds"]:
        is_asked = fund["target"] == target and (scope.all_funds or fund["fund_id"] == scope.fund_id)
        if not is_asked or fund["after"] is None:
            continue
        counts = funds[fund["fund_id"]] = RowCounts(**fund["after"])
        fund_stages[fund["fund_id"]] = dict(fund["after_stages"])
        not_canonical = counts.rows_unknown + counts.rows_to_change + counts.rows_left_as_is
        for stage, rows in {**fund["after_stages"], "other": not_canonical, "NULL": counts.rows_null}.items():
            stages[stage] = stages.get(stage, 0) + rows
    return Baseline(
        funds=funds,
        stages=stages,
        coverage=Coverage(target=target, plans=(), all_funds=True, verification_id=verification_id),
        fund_stages=fund_stages,
    )
