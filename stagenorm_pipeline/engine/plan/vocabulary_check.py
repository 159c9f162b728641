"""The vocabulary that a plan was made with: kept once for each version, and compared before the plan is applied.

Does not belong here: what a spelling means (see `vocabulary`), or which plan is applied when.
"""

from dataclasses import dataclass

import sqlalchemy as sa

from stagenorm_pipeline.engine.inventory.inventory import TargetInventory
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.postgres.tracking_schema import own_prefix
from stagenorm_pipeline.errors import PlanError
from stagenorm_pipeline.vocabulary import (
    CANONICAL_STAGES,
    MeaningChange,
    MeaningKind,
    Vocabulary,
    differences,
    meaning_changes,
)

# A person who changed more looks at the dry run, which lists them with their rows.
_DIFFERENCES_NAMED = 5


class OtherVocabularyError(PlanError):
    """A plan was made with another vocabulary than the one it would be applied under."""


def keep_vocabulary(connection: sa.Connection, vocabulary: Vocabulary) -> None:
    """Keep what this version says, for later comparisons. Does nothing where it is kept already."""
    values = {"version": vocabulary.version}
    # Asked first: with many decisions the content is megabytes, and most plans share their version.
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
    """Raise OtherVocabularyError, with what changed and what to do, where the plan was made with another one.

    A rollback restores what is written in the log, whatever spellings mean: it is bound to no vocabulary. A plan that
    is not there is the matter of others.
    """
    row = connection.exec_driver_sql(statement("plan/plan_vocabulary"), {"plan_id": plan_id}).one_or_none()
    if row is None or row.kind != "normalize" or row.vocabulary_version == vocabulary.version:
        return
    stays = (
        f"The {row.rows_updated:,} rows that it has changed stay so; `stagenorm rollback --plan {plan_id}` restores "
    )
    raise OtherVocabularyError(
        f"Plan {plan_id} is not applied: the decisions have changed since it was reviewed (vocabulary "
        f"{row.vocabulary_version} then, {vocabulary.version} now).",
        remedy="Make a new plan (`stagenorm run`, or `batch_plan` in Dagster): it takes the place of what this one has "
        "left to do. "
        + (f"{stays}them. " if row.rows_updated else "")
        + "Or go on with this one: put the decisions file back as it was, or go to the directory where it is.\n"
        + _what_changed(row.content, vocabulary),
    )


def _what_changed(content: str | None, vocabulary: Vocabulary) -> str:
    if content is None:
        return "What changed cannot be told: this plan was recorded before vocabularies were kept."
    found = differences(content, vocabulary.content)
    more = f"\n... and {len(found) - _DIFFERENCES_NAMED:,} more" if len(found) > _DIFFERENCES_NAMED else ""
    return "\n".join(["What changed since:", *found[:_DIFFERENCES_NAMED]]) + more


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierChange:
    """Rows that plans changed to a stage which their spelling does not mean any more. They are not changed again."""

    stage: str
    rows: int
    plans: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionChange:
    """A decision that is new or changed, and the rows that it is about.

    `was` and `now` are a stage, `leave-as-is` or `unknown`. `rows` hold the spelling now; None where it is not among
    those that the inventory lists.
    """

    spelling: str
    was: str
    now: str
    rows: int | None
    earlier: tuple[EarlierChange, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionChanges:
    """What the decisions say that the newest applied plan (`since_plan`; None: the built-in aliases) did not know.

    With them those, older ones too, that rows were changed against.
    """

    since_plan: int | None
    changes: tuple[DecisionChange, ...]


def read_decision_changes(
    connection: sa.Connection, vocabulary: Vocabulary, inventories: tuple[TargetInventory, ...]
) -> DecisionChanges:
    """Compare the decisions with those of the newest applied plan, most rows first. Works without our tables too."""
    applied = _applied_vocabularies(connection)
    since_plan, latest = applied[0] if applied else (None, Vocabulary.built_in().content)
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
    spellings = [change.spelling for change in changes.values() if change.was in CANONICAL_STAGES]
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
