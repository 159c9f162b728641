"""Keep the vocabulary of a plan, and compare it with the current one before the plan is applied."""

from dataclasses import dataclass

import sqlalchemy as sa

from stagenorm_pipeline.engine.inventory.inventory import TargetInventory
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.postgres.tracking_schema import own_prefix
from stagenorm_pipeline.errors import PlanError
from stagenorm_pipeline.vocabulary import (
    KEPT,
    MeaningChange,
    MeaningKind,
    Vocabulary,
    differences,
    meaning_changes,
)

# `stagenorm dry-run` lists all of them, with their rows.
_DIFFERENCES_NAMED = 5


class OtherVocabularyError(PlanError):
    """A plan was made with another vocabulary than the current one."""


def keep_vocabulary(connection: sa.Connection, vocabulary: Vocabulary) -> None:
    """Keep this version of the vocabulary for later comparisons, unless it is kept already."""
    values = {"version": vocabulary.version}
    # Read first: with many decisions the content is megabytes, and most plans share their version.
    kept = connection.exec_driver_sql(
        "SELECT 1 FROM stage_migration_vocabularies WHERE vocabulary_version = %(version)s", values
    ).first()
    if kept is None:
        connection.exec_driver_sql(
            "INSERT INTO stage_migration_vocabularies (vocabulary_version, content) VALUES (%(version)s, %(content)s) "
            "ON CONFLICT DO NOTHING",
            {**values, "content": vocabulary.content},
        )


def require_same_vocabulary(connection: sa.Connection, plan_id: int, vocabulary: Vocabulary) -> None:
    """Raise OtherVocabularyError, with what changed and what to do, if the plan was made with another vocabulary.

    A rollback restores what the log says, so it needs no vocabulary. A missing plan is ignored here.
    """
    row = connection.exec_driver_sql(statement("plan/plan_vocabulary"), {"plan_id": plan_id}).one_or_none()
    if row is None or row.kind != "normalize" or row.vocabulary_version == vocabulary.version:
        return
    undo = (
        f"The {row.rows_updated:,} rows that it has changed stay changed; `stagenorm rollback --plan {plan_id}` "
        "restores them, and `stagenorm decisions --diff` says how to undo one decision. "
    )
    raise OtherVocabularyError(
        f"Plan {plan_id} is not applied: the vocabulary has changed since it was reviewed (version "
        f"{row.vocabulary_version} then, {vocabulary.version} now).",
        remedy="Make a new plan (`stagenorm run`, or `batch_plan` in Dagster): it replaces the waiting batches of this "
        "one. "
        + (undo if row.rows_updated else "")
        + "Or continue with this plan: restore the old decisions file and [vocabulary] of stagenorm.toml, or change to "
        "the directory that has them.\n" + _what_changed(row.content, vocabulary),
    )


def _what_changed(content: str | None, vocabulary: Vocabulary) -> str:
    if content is None:
        return "What changed is not known: this plan was recorded before vocabularies were kept."
    found = differences(content, vocabulary.content)
    more = f"\n... and {len(found) - _DIFFERENCES_NAMED:,} more" if len(found) > _DIFFERENCES_NAMED else ""
    return "\n".join(["What changed since:", *found[:_DIFFERENCES_NAMED]]) + more


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierChange:
    """Rows that plans changed to a stage that their spelling no longer means. They are not changed again."""

    stage: str
    rows: int
    plans: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionChange:
    """A new or changed decision, and the rows with its spelling.

    `was` and `now` are a stage, `leave-as-is` or `unknown`. `rows` hold the spelling now; None if the inventory does
    not list it. `is_new`: changed since the newest applied plan, not before it.
    """

    spelling: str
    was: str
    now: str
    rows: int | None
    earlier: tuple[EarlierChange, ...] = ()
    is_new: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionChanges:
    """The decisions that are new or changed since the newest applied plan (`since_plan`; None: the aliases alone).

    Also older decisions, if an applied plan changed rows differently from what they say.
    """

    since_plan: int | None
    changes: tuple[DecisionChange, ...]


def read_decision_changes(
    connection: sa.Connection, vocabulary: Vocabulary, inventories: tuple[TargetInventory, ...]
) -> DecisionChanges:
    """Compare the decisions with those of the newest applied plan, most rows first. Works without tracking tables."""
    applied = _applied_vocabularies(connection)
    since_plan, latest = applied[0] if applied else (None, vocabulary.without_decisions().content)
    changed = {change.spelling: change for change in meaning_changes(latest, vocabulary.content)}
    once = {
        change.spelling: change for _, content in applied[1:] for change in meaning_changes(content, vocabulary.content)
    }
    earlier = _earlier_changes(connection, {**once, **changed})
    rows: dict[str, int] = {}
    for total in (total for inventory in inventories for total in inventory.spellings if not total.is_cut):
        rows[total.spelling] = rows.get(total.spelling, 0) + total.rows
    lists_all = all(inventory.unknown_spellings == len(inventory.unknown) for inventory in inventories)
    listed = {**{spelling: once[spelling] for spelling in earlier if spelling in once}, **changed}
    changes = (
        DecisionChange(
            spelling=change.spelling,
            was=change.was,
            now=change.now,
            rows=rows.get(change.spelling, 0 if lists_all or change.now != MeaningKind.UNKNOWN else None),
            earlier=earlier.get(change.spelling, ()),
            is_new=change.spelling in changed,
        )
        for change in listed.values()
    )
    return DecisionChanges(since_plan=since_plan, changes=tuple(sorted(changes, key=_most_rows_first)))


def _most_rows_first(change: DecisionChange) -> tuple[int, int, str]:
    return (-(change.rows or 0), -sum(part.rows for part in change.earlier), change.spelling)


def _applied_vocabularies(connection: sa.Connection) -> list[tuple[int, str]]:
    if not _is_there(connection, "stage_migration_vocabularies"):
        return []
    return [(row.plan_id, row.content) for row in connection.exec_driver_sql(statement("plan/applied_vocabularies"))]


def _earlier_changes(
    connection: sa.Connection, changes: dict[str, MeaningChange]
) -> dict[str, tuple[EarlierChange, ...]]:
    """What was changed from these spellings to something that they do not mean now."""
    spellings = [change.spelling for change in changes.values() if change.was not in (KEPT, MeaningKind.UNKNOWN)]
    if not spellings or not _is_there(connection, "stage_normalization_log"):
        return {}
    found: dict[str, tuple[EarlierChange, ...]] = {}
    for row in connection.exec_driver_sql(statement("plan/rows_changed_from"), {"spellings": spellings}):
        if row.stage != changes[row.spelling].now:
            part = EarlierChange(stage=row.stage, rows=int(row.rows_changed), plans=tuple(row.plans))
            found[row.spelling] = (*found.get(row.spelling, ()), part)
    return found


def _is_there(connection: sa.Connection, table: str) -> bool:
    named = own_prefix(connection) + table
    return connection.exec_driver_sql("SELECT to_regclass(%(table)s)", {"table": named}).scalar() is not None
