"""The scope of a rollback: check a request and narrow it to the plan or batch that it names."""

import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from stagenorm_pipeline.config.configuration import DEFAULT_TARGETS, TargetSetting
from stagenorm_pipeline.engine.plan.batch_types import PlanKind
from stagenorm_pipeline.engine.plan.request import DEFAULT_BATCH_SIZE, require_batch_size
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.targets.row_id import row_id_of
from stagenorm_pipeline.engine.targets.same_key import require_same_key
from stagenorm_pipeline.engine.targets.target import Target
from stagenorm_pipeline.engine.targets.visibility import visible_targets
from stagenorm_pipeline.errors import ConfigurationError, PlanError

# Times as `stagenorm status` and psql write them: a space before the zone, an offset of hours only.
_UTC = re.compile(r"\s*(?:UTC|GMT|Z)$", re.IGNORECASE)
_SPACE_BEFORE_OFFSET = re.compile(r"\s+(?=[+-]\d\d(?::?\d\d)?$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackRequest:
    """What to roll back: the changes that meet every given condition.

    At least one condition is required: plan, batch, time, spelling, row, one fund, or `by_table`, which means that the
    user chose the targets. `targets` always restricts. `spelling`: changes from exactly this spelling; `stage`: of
    these, only those to this stage. `row_id`: the key of a row of the only target. `only_untouched`: leave every row
    that has a newer version than the one that stagenorm wrote. Raises ConfigurationError.
    """

    plan_id: int | None = None
    batch_id: int | None = None
    since: datetime | None = None
    spelling: str | None = None
    stage: str | None = None
    row_id: str | None = None
    targets: tuple[TargetSetting, ...] = DEFAULT_TARGETS
    scope: FundScope = field(default_factory=FundScope)
    batch_size: int = DEFAULT_BATCH_SIZE
    by_table: bool = False
    only_untouched: bool = False

    def __post_init__(self) -> None:
        named = (self.plan_id, self.batch_id, self.since, self.spelling, self.row_id)
        if self.scope.all_funds and not self.by_table and all(condition is None for condition in named):
            raise ConfigurationError(
                "A rollback needs a condition.",
                remedy="Name a plan, a batch, a fund, a table, a spelling, a row, or a time to go back to.",
            )
        if self.since is not None and self.since.tzinfo is None:
            raise _no_zone(self.since)
        if self.row_id is not None and len(self.targets) != 1:
            raise ConfigurationError("A row belongs to one table.", remedy="Name the table of the row.")
        if self.stage is not None and self.spelling is None:
            raise ConfigurationError("A stage needs its spelling.", remedy="Name the spelling that became this stage.")
        for text in filter(None, (self.spelling, self.stage)):
            _require_unicode(text)
        require_batch_size(self.batch_size)

    def values(self) -> dict[str, Any]:
        """Return the conditions as values to bind."""
        return {
            "rolled_plan": self.plan_id,
            "rolled_batch": self.batch_id,
            "since": self.since,
            "spelling": self.spelling,
            "stage": self.stage,
            "row_id": self.row_id,
            "all_funds": self.scope.all_funds,
            "fund_id": self.scope.fund_id,
            "only_untouched": self.only_untouched,
        }

    def as_json(self) -> dict[str, Any]:
        """Return the conditions as the plan of the rollback records them, beside its targets and funds."""
        return {
            "plan_id": self.plan_id,
            "batch_id": self.batch_id,
            "since": self.since.isoformat() if self.since else None,
            "spelling": self.spelling,
            "stage": self.stage,
            "row_id": self.row_id,
            "only_untouched": self.only_untouched,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackScope:
    """A checked request, narrowed to its plan or batch, with the row's key as the log writes it.

    `left_out`: targets of its plan that the request does not name.
    """

    request: RollbackRequest
    targets: tuple[Target, ...]
    left_out: tuple[str, ...] = ()


def parse_since(text: str) -> datetime:
    """Read a time with its zone as people type it: `2025-10-30 00:00:00+00`, `2025-10-30T14:00Z`, `... UTC`.

    Raises ConfigurationError for a time without a zone: a guess could undo, or leave, hours of changes.
    """
    normal = _SPACE_BEFORE_OFFSET.sub("", _UTC.sub("+00:00", text.strip()))
    try:
        found = datetime.fromisoformat(normal)
    except ValueError as error:
        raise ConfigurationError(
            f"{text!r} is not a valid time.", remedy="Write it like '2025-10-30 14:00:00+00'."
        ) from error
    if found.tzinfo is None:
        raise _no_zone(found)
    return found


def _require_unicode(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ConfigurationError(
            f"The spelling {text!r} is not valid Unicode, so no row can hold it.",
            remedy="Type it in UTF-8, exactly as it is stored.",
        ) from error


def _no_zone(time: datetime) -> ConfigurationError:
    text = time.isoformat(" ")
    return ConfigurationError(
        f"The time {text} has no time zone.",
        remedy=f"Write '{text}+00' if it is UTC, or with your own offset: '{text}+02'.",
    )


def read_scope(connection: sa.Connection, request: RollbackRequest) -> RollbackScope:
    """Check the request against the database and narrow it to its plan or batch.

    Raises PlanError if the plan or batch does not exist or changed nothing, ConfigurationError if conditions exclude
    each other, TargetError if the key of a table changed, and RefusedError if this role cannot see every row.
    """
    targets = visible_targets(connection, request.targets)
    left_out: tuple[str, ...] = ()
    _require_past(connection, request.since)
    if request.batch_id is not None:
        request, targets = _narrow_to_batch(connection, request, targets)
    if request.plan_id is not None:
        request, targets, left_out = _narrow_to_plan(connection, request, targets)
    if request.row_id is not None:
        request = replace(request, row_id=row_id_of(targets[0], request.row_id))
    for target in targets:
        require_same_key(
            connection,
            target,
            None if request.plan_id is None else [request.plan_id],
            remedy="Roll back a newer plan alone with --plan, or restore by hand from stage_normalization_log.",
        )
    return RollbackScope(request=request, targets=targets, left_out=left_out)


def _require_past(connection: sa.Connection, since: datetime | None) -> None:
    if since is None:
        return
    now: datetime = connection.exec_driver_sql("SELECT now()").scalar_one()
    if since > now:
        raise ConfigurationError(
            f"The time {since.isoformat(' ')} is in the future: the clock of the database says "
            f"{now.isoformat(' ', 'seconds')}.",
            remedy="Give the time to go back to, with its zone.",
        )


def _narrow_to_batch(
    connection: sa.Connection, request: RollbackRequest, targets: tuple[Target, ...]
) -> tuple[RollbackRequest, tuple[Target, ...]]:
    row = connection.exec_driver_sql(statement("rollback/batch_to_undo"), {"batch_id": request.batch_id}).one_or_none()
    if row is None:
        raise PlanError(
            f"There is no batch {request.batch_id}, or it was deleted.",
            remedy="List the batches: SELECT batch_id FROM stage_migration_batches. Or use --plan or --since.",
        )
    if request.plan_id not in (None, row.plan_id):
        raise _contradiction(f"Batch {request.batch_id} belongs to plan {row.plan_id}, not to plan {request.plan_id}.")
    own = FundScope.one(row.fund_id)
    if not request.scope.all_funds and request.scope != own:
        raise _contradiction(f"Batch {request.batch_id} is about {own.label}, not about {request.scope.label}.")
    chosen = tuple(target for target in targets if target.name == row.target)
    if not chosen:
        raise _contradiction(f"Batch {request.batch_id} is about {row.target}, not about the tables asked for.")
    return replace(request, plan_id=row.plan_id, scope=own), chosen


def _narrow_to_plan(
    connection: sa.Connection, request: RollbackRequest, targets: tuple[Target, ...]
) -> tuple[RollbackRequest, tuple[Target, ...], tuple[str, ...]]:
    plan_id = request.plan_id
    row = connection.exec_driver_sql(statement("rollback/plan_to_undo"), {"plan_id": plan_id}).one_or_none()
    if row is None:
        raise PlanError(f"There is no plan {plan_id}.", remedy="List the plans: stagenorm plans")
    if row.kind == PlanKind.ROLLBACK:
        raise PlanError(
            f"Plan {plan_id} is itself a rollback.",
            remedy="To normalize its rows again, make a new plan: stagenorm run",
        )
    if row.status == "draft":
        raise PlanError(f"Plan {plan_id} is a draft: it has changed nothing.", remedy="There is nothing to undo.")
    own = FundScope(all_funds=row.all_funds, fund_id=row.fund_id)
    if not own.all_funds and not request.scope.all_funds and request.scope != own:
        raise _contradiction(f"Plan {plan_id} is about {own.label}, not about {request.scope.label}.")
    names = tuple(target.name for target in targets)
    chosen = tuple(target for target in targets if target.name in row.targets)
    if not chosen:
        raise _contradiction(f"Plan {plan_id} is about {', '.join(row.targets)}, not about {', '.join(names)}.")
    scope = request.scope if own.all_funds else own
    left_out = () if request.batch_id else tuple(name for name in row.targets if name not in names)
    return replace(request, scope=scope), chosen, left_out


def _contradiction(message: str) -> ConfigurationError:
    return ConfigurationError(message, remedy="Remove one of the conditions.")
