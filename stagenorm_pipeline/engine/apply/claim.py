"""Claim the batches that come next: find them and mark them as running, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import sqlalchemy as sa
from psycopg import sql

from stagenorm_pipeline.engine.apply.batch_transaction import Bounds, bound_transaction
from stagenorm_pipeline.engine.apply.pause import read_control
from stagenorm_pipeline.engine.apply.tuning import Tuning
from stagenorm_pipeline.engine.approval.approval import is_approved, require_approval
from stagenorm_pipeline.engine.plan.batch_types import Batch
from stagenorm_pipeline.engine.plan.queue import QueueScope, batch_of, waiting_batches
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.failpoints import Failpoint, failpoint, gate, is_listening
from stagenorm_pipeline.engine.postgres.locks import BATCH_LOCK_CLASS
from stagenorm_pipeline.engine.postgres.one_message import send_message
from stagenorm_pipeline.engine.postgres.sql_files import statement

# How many batches a claim finds after its own. The messages of the batches claim them, without a search for each.
_FOLLOWING = 32

# A claim is informational, so it commits without waiting for the WAL flush: losing one in a crash does no harm.
_ASYNCHRONOUSLY = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """These batches are marked as running. `has_more`: others wait after them. `tuning`: the pace that is set.

    `following`: the first of those others, if nobody ever claimed them.
    """

    batches: tuple[Batch, ...]
    has_more: bool
    tuning: Tuning
    following: tuple[Batch, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NotFree:
    """The next batch is taken, or has nothing left to do. `has_more`: other batches wait after it."""

    batch: Batch
    has_more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherPlan:
    """The next batch belongs to a plan that the caller did not allow."""

    plan_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NotApproved:
    """The next batch belongs to a plan that needs an approval and has none."""

    plan_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NoneWaiting:
    """No batch waits, or all work is paused."""


Claim = Claimed | NotFree | OtherPlan | NotApproved | NoneWaiting


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRequest:
    """What to claim: the first batches after `after` (plan, number), at most `most` and with `rows` rows together.

    A first batch with more rows is claimed alone. `plans`: only of these plans; None: of any.
    """

    scope: QueueScope
    after: tuple[int, int]
    worker: str
    rows: int
    most: int
    plans: Sequence[int] | None


def claim_next(database: Database, request: ClaimRequest, bounds: Bounds) -> Claim:
    """Claim the first waiting batches, in one message."""
    rows = _claim_rows(database, request, bounds)
    if not rows:
        return NoneWaiting()
    found = [batch_of(row, was_tried=row.was_tried) for row in rows]
    claimed = tuple(batch for batch, _ in takewhile(lambda pair: pair[1].is_claimed, zip(found, rows, strict=True)))
    if claimed:
        tuning = Tuning(sleep_ms=rows[0].sleep_ms, target_ms=rows[0].target_ms, parallel=rows[0].parallel)
        # Up to the first that was claimed before: none may be left out, because the runner never goes back.
        following = tuple(
            batch
            for batch, _ in takewhile(
                lambda pair: pair[1].status == "pending" and pair[1].plan_id == rows[0].plan_id,
                zip(found[len(claimed) :], rows[len(claimed) :], strict=True),
            )
        )
        return Claimed(batches=claimed, has_more=len(found) > len(claimed), tuning=tuning, following=following)
    if not rows[0].is_approved:
        return NotApproved(plan_id=found[0].plan_id)
    if request.plans is not None and found[0].plan_id not in request.plans:
        return OtherPlan(plan_id=found[0].plan_id)
    return NotFree(batch=found[0], has_more=len(found) > 1)


def claim_again(
    connection: sa.Connection, batches: Sequence[Batch], bounds: Bounds, *, worker: str
) -> Claimed | NotFree | NoneWaiting:
    """Claim batches of a group that was rolled back, up to the first that is no longer free. Needs a transaction.

    Raises ApprovalNeededError if an approval became required since, and the plan has none.
    """
    bound_transaction(connection, bounds, synchronous_commit=_ASYNCHRONOUSLY)
    control = read_control(connection)
    if control.paused:
        return NoneWaiting()
    require_approval(connection, batches[0].plan_id)
    values = {"worker": worker, "batch_ids": [batch.batch_id for batch in batches], "lock_class": BATCH_LOCK_CLASS}
    ids = {row.batch_id for row in connection.exec_driver_sql(statement("apply/claim_batch"), values)}
    failpoint(Failpoint.APPLY_CLAIM_BEFORE_COMMIT)
    claimed = tuple(takewhile(lambda batch: batch.batch_id in ids, batches))
    if not claimed:
        return NotFree(batch=batches[0], has_more=True)
    return Claimed(batches=claimed, has_more=True, tuning=control.tuning)


def release_claim(connection: sa.Connection, batch: Batch, *, worker: str) -> None:
    """Undo the claim of a batch that was claimed ahead and is not started now."""
    values = {"batch_id": batch.batch_id, "worker": worker}
    connection.exec_driver_sql(statement("apply/release_claim"), values)


def _claim_rows(database: Database, request: ClaimRequest, bounds: Bounds) -> Sequence[Any]:
    query = statement("apply/claim_next", next_batch=sql.SQL(waiting_batches(request.scope)), is_approved=is_approved())
    values = {
        **request.scope.values(),
        "after_plan": request.after[0],
        "after_number": request.after[1],
        "even_if_paused": False,
        "worker": request.worker,
        "rows": request.rows,
        "most": request.most,
        "limit": request.most + _FOLLOWING,
        "plans": None if request.plans is None else list(request.plans),
        "lock_class": BATCH_LOCK_CLASS,
    }
    if is_listening():
        with database.transaction(is_short=True) as connection:
            bound_transaction(connection, bounds, synchronous_commit=_ASYNCHRONOUSLY)
            rows = connection.exec_driver_sql(query, values).all()
            failpoint(Failpoint.APPLY_CLAIM_BEFORE_COMMIT)
        return rows
    settings = bounds.settings(synchronous_commit=_ASYNCHRONOUSLY)
    statements = (statement("apply/bound_transaction"), query, *gate(Failpoint.APPLY_CLAIM_BEFORE_COMMIT))
    return send_message(database, statements, {**settings, **values}, wait_ms=bounds.statement_timeout_ms)[1]
