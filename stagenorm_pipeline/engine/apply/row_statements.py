"""The statements that update the rows of batches, and their values."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from psycopg import sql

from stagenorm_pipeline.engine.plan.batch_types import Batch
from stagenorm_pipeline.engine.postgres.sql_files import log_sha256, statement
from stagenorm_pipeline.engine.targets.target import KeyKind, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class RowStatements:
    """The statements that update the rows of batches of a target.

    `changed_again` None: the target has no triggers that could change a row again.
    """

    apply_rows: str
    one_by_one: str
    unchanged_rows: str
    record_skipped: str
    changed_again: str | None


@lru_cache
def row_statements(target: Target) -> RowStatements:
    """Return the statements for a target. Kept, because every batch needs them."""
    parts = target.sql_parts()
    member_column = sql.Identifier("row_numbers" if target.key_kind is KeyKind.INTEGER else "row_keys")
    of_row = {name: parts[name] for name in ("key", "table", "stage")}
    common = {"member_column": member_column, "key_type": parts["key_type"], **of_row}
    written = {name: parts[name] for name in ("stage_column", "stage_cast")}
    shared = {
        "members": sql.SQL(statement("apply/members", member_column=member_column, key_type=parts["key_type"])),
        "changed": sql.SQL(statement("apply/changed_rows", **of_row, **written)),
    }
    return RowStatements(
        apply_rows=statement("apply/apply_rows", log_sha256=log_sha256(), **shared),
        one_by_one=statement("apply/update_one_by_one", key_type=parts["key_type"], **of_row, **shared),
        unchanged_rows=statement("apply/unchanged_rows", **common),
        record_skipped=statement("apply/record_skipped", log_sha256=log_sha256(), **common),
        changed_again=statement("apply/rows_changed_again", key_type=parts["key_type"], **of_row)
        if target.has_after_triggers
        else None,
    )


def row_values(batches: Sequence[Batch], target: Target, *, run_by: str, worker: str | None = None) -> dict[str, Any]:
    """Return the values that the statements share, for batches of one plan, target and fund.

    `worker`: record a batch's result together with its rows where every row was updated; None: record nothing.
    """
    first = batches[0]
    return {
        "plan_id": first.plan_id,
        "batch_ids": [batch.batch_id for batch in batches],
        "group_rows": sum(batch.rows_planned for batch in batches),
        **target.identity(),
        "fund_id": first.fund_id,
        "run_by": run_by,
        "worker": worker,
        "action": first.kind.value,
    }
