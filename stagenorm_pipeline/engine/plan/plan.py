"""Work out a plan, as a preview or recorded.

A preview reads in one READ ONLY transaction and records nothing. Recording reads each target through one cursor, which
is one snapshot, and writes the plan, its baseline and its exact batches in the same transaction. It needs only one
session, so it works behind a pooler.
"""

from dataclasses import dataclass

import psycopg
from sqlalchemy.exc import DBAPIError

from stagenorm_pipeline.engine.approval.approval import read_rule
from stagenorm_pipeline.engine.inventory.inventory import RowCounts, TargetInventory, read_inventory
from stagenorm_pipeline.engine.plan.large_funds import fund_too_large
from stagenorm_pipeline.engine.plan.life_cycle import open_draft
from stagenorm_pipeline.engine.plan.plan_writer import NormalizePlanWriter, count_batches
from stagenorm_pipeline.engine.plan.request import PlanRequest
from stagenorm_pipeline.engine.postgres.connection import Database, psycopg_error
from stagenorm_pipeline.engine.postgres.failpoints import Failpoint, failpoint
from stagenorm_pipeline.engine.postgres.locks import planning_transaction
from stagenorm_pipeline.engine.postgres.migrations import require_migrations
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.targets.visibility import visible_targets


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a plan would change. `plan_id` None: a preview, of which nothing is recorded."""

    plan_id: int | None
    status: str
    scope: FundScope
    batch_size: int
    vocabulary_version: str
    inventories: tuple[TargetInventory, ...]

    @property
    def counts(self) -> RowCounts:
        return sum((inventory.counts for inventory in self.inventories), RowCounts())

    @property
    def total_batches(self) -> int:
        return count_batches(self.inventories, self.batch_size)

    @property
    def funds_to_change(self) -> tuple[str | None, ...]:
        """The ids of the funds with rows to change, over all targets."""
        seen = {
            fund.fund_id: None
            for inventory in self.inventories
            for fund in inventory.funds
            if fund.counts.rows_to_change
        }
        return tuple(seen)


def preview_plan(database: Database, request: PlanRequest) -> Plan:
    """Work out a plan in one read-only snapshot, and record nothing."""
    with database.snapshot() as connection:
        targets = visible_targets(connection, request.targets)
        inventories = read_inventory(connection, targets, request.scope, request.vocabulary)
    return _plan(request, inventories, plan_id=None, status="preview")


def record_plan(database: Database, request: PlanRequest, *, created_by: str, as_draft: bool = False) -> Plan:
    """Record a plan with its baseline and batches and, unless `as_draft`, open it.

    If plans need an approval, it stays a draft. Raises PlanError naming the fund that is too large for one plan.
    """
    try:
        return _record_plan(database, request, created_by, as_draft=as_draft)
    except DBAPIError as error:
        if not isinstance(psycopg_error(error), psycopg.errors.ProgramLimitExceeded):
            raise
        raise fund_too_large(database, request) from error


def _record_plan(database: Database, request: PlanRequest, created_by: str, *, as_draft: bool) -> Plan:
    # READ COMMITTED: the cursor keeps the snapshot that it was opened with, which is newer than the lock, and opening
    # the plan must see what runners did to older plans since. REPEATABLE READ would fail there.
    with planning_transaction(database) as connection:
        require_migrations(connection)
        targets = visible_targets(connection, request.targets)
        writer = NormalizePlanWriter(connection, request, targets, created_by=created_by)
        inventories = writer.record()
        failpoint(Failpoint.PLAN_RECORDED)
        needs_approval = writer.has_batches and read_rule(connection).required
        is_draft = as_draft or needs_approval
        status = "draft" if is_draft else open_draft(connection, writer.plan_id, request.scope)
        failpoint(Failpoint.PLAN_BEFORE_COMMIT)
    failpoint(Failpoint.PLAN_AFTER_COMMIT)
    return _plan(request, inventories, plan_id=writer.plan_id, status=status)


def _plan(request: PlanRequest, inventories: tuple[TargetInventory, ...], *, plan_id: int | None, status: str) -> Plan:
    return Plan(
        plan_id=plan_id,
        status=status,
        scope=request.scope,
        batch_size=request.batch_size,
        vocabulary_version=request.vocabulary.version,
        inventories=inventories,
    )
