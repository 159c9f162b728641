"""Compare the decisions file with the applied plans: what it changes, and what undoing earlier changes restores."""

from dataclasses import dataclass

import sqlalchemy as sa

from stagenorm_pipeline.config.configuration import TargetSetting
from stagenorm_pipeline.engine.inventory.inventory import TargetInventory
from stagenorm_pipeline.engine.plan.vocabulary_check import DecisionChange, EarlierChange, read_decision_changes
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.rollback.rollback import RollbackPreview, read_preview
from stagenorm_pipeline.engine.rollback.scope import RollbackRequest, read_scope
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.vocabulary import Vocabulary

# Each scans the log twice: 23 s for 6 million entries, 143,000 of them of the spelling, on two busy cores.
_PREVIEWED = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierMeaning:
    """What plans made of a spelling that means something else now. `undo`: what a rollback would restore and leave.

    `undo` None: it was not read, because too many others come first.
    """

    changed: EarlierChange
    undo: RollbackPreview | None

    @property
    def is_to_undo(self) -> bool:
        """Whether a rollback may restore rows."""
        return self.undo is None or bool(self.undo.restorable)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedDecision:
    """A new, changed or removed decision, and the rows that plans changed to another stage."""

    change: DecisionChange
    earlier: tuple[EarlierMeaning, ...]

    @property
    def is_to_undo(self) -> bool:
        """Whether rows that plans changed to another stage can be undone."""
        return any(meaning.is_to_undo for meaning in self.earlier)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedDecisions:
    """What the decisions file changes against the applied plans, most rows first.

    `since_plan`: the newest of them; None if no plan was applied, which compares with the aliases alone. An older
    decision is listed if a plan before it changed rows differently, and some of them can be undone.
    """

    since_plan: int | None
    decisions: tuple[ComparedDecision, ...]


def compare_decisions(
    database: Database,
    vocabulary: Vocabulary,
    inventories: tuple[TargetInventory, ...],
    *,
    targets: tuple[TargetSetting, ...],
    scope: FundScope,
) -> ComparedDecisions:
    """Compare the vocabulary with those of the applied plans, in one snapshot.

    Unlike a rollback, it trusts the log without comparing it with its receipts.
    """
    with database.snapshot() as connection:
        found = read_decision_changes(connection, vocabulary, inventories)
        reader = _UndoReader(connection=connection, targets=targets, scope=scope)
        compared = list(map(reader.compare, found.changes))
    # A decision as old as the newest plan is settled if nothing can be undone.
    return ComparedDecisions(
        since_plan=found.since_plan,
        decisions=tuple(one for one in compared if one.change.is_new or one.is_to_undo),
    )


@dataclass(slots=True, kw_only=True)
class _UndoReader:
    """Read what undoing earlier changes restores, up to a limit."""

    connection: sa.Connection
    targets: tuple[TargetSetting, ...]
    scope: FundScope
    read_so_far: int = 0

    def compare(self, change: DecisionChange) -> ComparedDecision:
        earlier = tuple(self._read(change.spelling, part) for part in change.earlier)
        return ComparedDecision(change=change, earlier=earlier)

    def _read(self, spelling: str, changed: EarlierChange) -> EarlierMeaning:
        if self.read_so_far == _PREVIEWED:
            return EarlierMeaning(changed=changed, undo=None)
        self.read_so_far += 1
        request = RollbackRequest(spelling=spelling, stage=changed.stage, targets=self.targets, scope=self.scope)
        undo = read_preview(self.connection, read_scope(self.connection, request))
        return EarlierMeaning(changed=changed, undo=undo)
