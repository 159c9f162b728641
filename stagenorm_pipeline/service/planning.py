"""Preview, record, open and cancel plans. None of it changes business data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from stagenorm_pipeline.config.auto_batch_size import AUTO_BATCH_ROWS
from stagenorm_pipeline.config.presets import DEFAULT_PRESET, PRESETS, Preset
from stagenorm_pipeline.engine.inventory.inventory import TargetInventory
from stagenorm_pipeline.engine.plan import life_cycle, recorded_plans
from stagenorm_pipeline.engine.plan import plan as plans
from stagenorm_pipeline.engine.plan.life_cycle import RecordedPlan
from stagenorm_pipeline.engine.plan.plan import Plan
from stagenorm_pipeline.engine.plan.queue import count_open_batches
from stagenorm_pipeline.engine.plan.recorded_plans import PlanOverview, PlanRecord
from stagenorm_pipeline.engine.plan.request import DEFAULT_BATCH_SIZE, PlanRequest, require_batch_size
from stagenorm_pipeline.engine.plan.vocabulary_check import (
    DecisionChanges,
    read_decision_changes,
    require_same_vocabulary,
)
from stagenorm_pipeline.engine.postgres.migrations import require_migrations
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.errors import MissingMigrationError, StagenormError
from stagenorm_pipeline.service.context import ServiceContext
from stagenorm_pipeline.service.selecting import Selection


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanPreview:
    """What a plan would change, and what new decisions do. Nothing is recorded.

    `supersedes`: for each open plan, how many of its batches a run would cancel.
    """

    plan: Plan
    decisions: DecisionChanges
    supersedes: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPlan:
    """A plan that was recorded. `plan_id` is its number."""

    plan_id: int
    plan: Plan


def preview_plan(context: ServiceContext, *, selection: Selection, batch_size: int = DEFAULT_BATCH_SIZE) -> PlanPreview:
    """Work out what a plan would change, in READ ONLY transactions. Works without the tracking tables too."""
    plan = plans.preview_plan(context.database, _request(context, selection, batch_size))
    return PlanPreview(
        plan=plan,
        decisions=read_decisions(context, inventories=plan.inventories),
        supersedes=find_superseded(context, plan=plan),
    )


def find_superseded(context: ServiceContext, *, plan: Plan) -> Mapping[int, int]:
    """Count, for each other open plan, the batches that opening this plan cancels. Empty without tracking tables."""
    with context.database.snapshot() as connection:
        try:
            require_migrations(connection)
        except MissingMigrationError:
            return {}
        targets = [inventory.target.name for inventory in plan.inventories]
        found = count_open_batches(connection, targets=targets, scope=plan.scope)
    return {plan_id: batches for plan_id, batches in found.items() if plan_id != plan.plan_id}


def record_plan(
    context: ServiceContext,
    *,
    selection: Selection,
    batch_size: int = DEFAULT_BATCH_SIZE,
    preset: Preset | None = None,
    as_draft: bool = False,
) -> NewPlan:
    """Record a plan with its exact batches and, unless `as_draft`, open it for applying.

    Opening it cancels what older plans have left to do in the same targets and funds. `preset`: recorded with the plan,
    for its runs. Raises ApprovalNeededError after recording a draft, if the plan needs an approval to be opened.
    """
    request = replace(_request(context, selection, batch_size), preset=preset)
    plan = plans.record_plan(context.database, request, created_by=context.user, as_draft=as_draft)
    if plan.plan_id is None:
        raise StagenormError("This plan was not recorded.")
    if not as_draft:
        life_cycle.require_approval(context.database, plan.plan_id)
    return NewPlan(plan_id=plan.plan_id, plan=plan)


def read_decisions(context: ServiceContext, *, inventories: tuple[TargetInventory, ...]) -> DecisionChanges:
    """Compare the decisions with those of the newest applied plan."""
    with context.database.snapshot() as connection:
        return read_decision_changes(connection, context.vocabulary, inventories)


def require_plan_fits(context: ServiceContext, *, plan_id: int) -> None:
    """Raise OtherVocabularyError if a plan was made with another vocabulary than today's."""
    vocabulary = context.vocabulary
    with context.database.snapshot() as connection:
        require_same_vocabulary(connection, plan_id, vocabulary)


def require_approval(context: ServiceContext, *, plan_id: int) -> None:
    """Raise ApprovalNeededError if a plan needs an approval and has none."""
    life_cycle.require_approval(context.database, plan_id)


def open_plan(context: ServiceContext, *, plan_id: int) -> None:
    """Open a recorded draft; does nothing to a plan that is open already.

    Raises PlanError for a plan that cannot be applied, ApprovalNeededError for one that waits for its approval, and
    OtherVocabularyError for one made with another vocabulary.
    """
    life_cycle.open_plan(context.database, plan_id, context.vocabulary)


def cancel_plan(context: ServiceContext, *, plan_id: int) -> int:
    """Cancel what a plan still has to do, and return the number of batches cancelled. Applied batches stay applied."""
    return life_cycle.cancel_plan(context.database, plan_id)


def read_preset(context: ServiceContext) -> Preset:
    """Read the preset of the newest open plan; the default one if none was chosen or no plan is open."""
    with context.database.snapshot() as connection:
        require_migrations(connection)
        preset = connection.exec_driver_sql(statement("plan/open_preset")).scalar_one_or_none()
    return next((known for known in PRESETS if known == preset), DEFAULT_PRESET)


def read_plan(context: ServiceContext, *, plan_id: int) -> RecordedPlan:
    """Read a recorded plan. Raises PlanError when there is none."""
    with context.database.snapshot() as connection:
        return life_cycle.find_plan(connection, plan_id)


def list_plans(context: ServiceContext, *, most: int) -> tuple[PlanOverview, ...]:
    """List the newest recorded plans with their progress, newest first."""
    return recorded_plans.list_plans(context.database, most=most)


def read_plan_record(context: ServiceContext, *, plan_id: int) -> PlanRecord:
    """Read one plan with its batches and the spellings it changes. Raises PlanError when there is none."""
    return recorded_plans.read_plan_record(context.database, plan_id)


def rows_per_batch(batch_size: int | str | None) -> int:
    """Return the rows of a batch: the number given, the small batches of `auto`, or the default for None.

    Raises ConfigurationError for a number out of bounds.
    """
    if isinstance(batch_size, int):
        require_batch_size(batch_size)
        return batch_size
    return DEFAULT_BATCH_SIZE if batch_size is None else AUTO_BATCH_ROWS


def _request(context: ServiceContext, selection: Selection, batch_size: int) -> PlanRequest:
    return PlanRequest(
        vocabulary=context.vocabulary, targets=selection.targets, scope=selection.scope, batch_size=batch_size
    )
