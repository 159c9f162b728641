"""What the rules judge, read from one snapshot of the database. Reads only; judges nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from stagenorm_pipeline.engine.funds import FundScope
from stagenorm_pipeline.engine.inventory import RowCounts, TargetInventory
from stagenorm_pipeline.engine.statements import statement
from stagenorm_pipeline.engine.targets import Target
from stagenorm_pipeline.engine.verification.result import FINDINGS_SHOWN, Finding, PlanFacts, SampleRow
from stagenorm_pipeline.vocabulary import CANONICAL_STAGES


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a target held when the covering plans were made: counts by fund, rows by canonical stage.

    `covered`: the funds that the plans were about; None where one of them was about all.
    """

    funds: Mapping[str | None, RowCounts] = field(default_factory=dict)
    stages: Mapping[str, int] = field(default_factory=dict)
    plans: frozenset[int] = frozenset()
    covered: frozenset[str | None] | None = None

    def before(self, fund_id: str | None) -> RowCounts | None:
        """The fund's counts, all zero where it came later; None where no plan was about it."""
        if self.covered is not None and fund_id not in self.covered:
            return None
        return self.funds.get(fund_id, RowCounts())

    @property
    def counts(self) -> RowCounts:
        return sum(self.funds.values(), RowCounts())


@dataclass(frozen=True, slots=True)
class AuditState:
    """Audited rows of a target that do not hold their latest `stage_after`: the exact number, and examples."""

    total: int = 0
    examples: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class TargetFacts:
    """One target now, before, and by its audit log. `baseline` None: no plan covers it."""

    inventory: TargetInventory
    baseline: Baseline | None
    normalized: int = 0
    rolled_back: int = 0
    gone: AuditState = AuditState()
    null: AuditState = AuditState()
    set_back: AuditState = AuditState()
    changed: AuditState = AuditState()

    @property
    def name(self) -> str:
        return self.inventory.target.name


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A connection in one read-only snapshot, and what to look at in it."""

    connection: sa.Connection
    scope: FundScope
    plans: tuple[PlanFacts, ...]

    @property
    def plan_ids(self) -> list[int]:
        return [plan.plan_id for plan in self.plans]

    def rows(self, name: str, values: Mapping[str, Any], **parts: Any) -> list[Any]:
        """The rows of `sql/<name>.sql`, with scope and plans bound."""
        bound = {
            "all_funds": self.scope.all_funds,
            "fund_id": self.scope.fund_id,
            "plans": self.plan_ids,
            "first_plan": self.plan_ids[0] if self.plans else None,
            "shown": FINDINGS_SHOWN,
            **values,
        }
        return list(self.connection.exec_driver_sql(statement(name, **parts), bound))


def read_target(snapshot: Snapshot, inventory: TargetInventory) -> TargetFacts:
    """The baseline of a target and the state of its audited rows."""
    target = inventory.target
    if not snapshot.plans:
        return TargetFacts(inventory, None)
    baseline = _baseline(snapshot, target)
    total = snapshot.rows("verify_audit_total", target.identity())[0]
    states = _audit_states(snapshot, target)
    return TargetFacts(
        inventory,
        baseline,
        total.normalized,
        total.rolled_back,
        states.get("gone", AuditState()),
        states.get("null", AuditState()),
        states.get("set_back", AuditState()),
        states.get("changed", AuditState()),
    )


def _baseline(snapshot: Snapshot, target: Target) -> Baseline | None:
    covering = snapshot.rows("verify_covering_plans", target.identity())
    if not covering:
        return None
    funds: dict[str | None, RowCounts] = {}
    stages: dict[str, int] = {}
    plans: set[int] = set()
    for row in snapshot.rows("verify_baseline", target.identity()):
        rows = row.rows_counted
        column = {"messy": "rows_to_change", "leave_as_is": "rows_left_as_is"}.get(row.kind, f"rows_{row.kind}")
        counts = RowCounts(**{"rows_seen": rows, column: rows})
        funds[row.fund_id] = funds.get(row.fund_id, RowCounts()) + counts
        stage = row.stage or ("NULL" if row.kind == "null" else "other")
        stages[stage] = stages.get(stage, 0) + rows
        plans.add(row.plan_id)
    all_funds = any(plan.all_funds for plan in covering)
    covered = None if all_funds else frozenset(plan.fund_id for plan in covering)
    return Baseline(funds, stages, frozenset(plans), covered)


def _audit_states(snapshot: Snapshot, target: Target) -> dict[str, AuditState]:
    parts = target.sql_parts()
    # A log that was just written has no statistics: the planner would take it for small, and loop over it per row.
    snapshot.connection.exec_driver_sql("SET LOCAL enable_nestloop = off")
    rows = snapshot.rows(
        "verify_audited_rows",
        target.identity(),
        **{name: parts[name] for name in ("key", "key_type", "table", "stage")},
    )
    snapshot.connection.exec_driver_sql("SET LOCAL enable_nestloop = on")
    states: dict[str, AuditState] = {}
    for row in rows:
        finding = Finding(
            what=_AUDIT_STATES[row.state],
            target=target.name,
            has_fund=True,
            fund_id=row.fund_id,
            row_id=row.row_id,
            batch_id=row.batch_id,
            stage_before=row.stage_before,
            stage_after=row.stage_after,
            stage_now=row.stage_now,
        )
        states[row.state] = AuditState(row.total, (*states.get(row.state, AuditState()).examples, finding))
    return states


_AUDIT_STATES = {
    "gone": "changed by us, row is gone",
    "null": "changed by us, NULL now",
    "set_back": "changed by us, holds its old spelling again",
    "changed": "changed by us, then by somebody else",
}


def read_sample(snapshot: Snapshot, targets: tuple[Target, ...], size: int, seed: int) -> tuple[SampleRow, ...]:
    """`size` changes drawn uniformly from all targets together, the same for the same seed and data."""
    if not snapshot.plans or size == 0:
        return ()
    found: list[SampleRow] = []
    for target in targets:
        parts = target.sql_parts()
        rows = snapshot.rows(
            "verify_sample",
            {**target.identity(), "seed": seed, "size": size},
            **{name: parts[name] for name in ("key", "key_type", "table", "stage")},
        )
        found += [
            SampleRow(
                target.name,
                row.fund_id,
                row.row_id,
                row.audit_id,
                row.stage_before,
                row.stage_after,
                row.row_exists,
                row.stage_now,
                row.run_at,
            )
            for row in rows
        ]
    # Each target gave its `size` smallest hashes; the smallest of them all are a uniform sample of the union.
    order = _hash_order(snapshot, [row.audit_id for row in found], seed)
    return tuple(sorted(found, key=lambda row: order[row.audit_id])[:size])


def _hash_order(snapshot: Snapshot, audit_ids: list[int], seed: int) -> dict[int, tuple[int, int]]:
    rows = snapshot.connection.exec_driver_sql(
        "SELECT id, hashint8extended(id, %(seed)s) AS place FROM unnest(%(ids)s::bigint[]) AS id",
        {"ids": audit_ids, "seed": seed},
    )
    return {row.id: (row.place, row.id) for row in rows}


def read_noncanonical_rows(snapshot: Snapshot, target: Target) -> tuple[Finding, ...]:
    """Examples of rows whose stage is not canonical."""
    parts = target.sql_parts()
    rows = snapshot.rows(
        "verify_noncanonical_rows",
        {"canonical": [stage.value for stage in CANONICAL_STAGES]},
        **{name: parts[name] for name in ("key", "table", "stage", "fund")},
        fund_condition=snapshot.scope.condition(parts["fund"]),
    )
    return tuple(
        Finding("stage is not canonical", target.name, True, row.fund_id, row.row_id, stage_now=row.stage_now)
        for row in rows
    )
