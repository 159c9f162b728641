"""Verify the batches of a canary by rules 1 to 5, in one snapshot.

Stricter than a verification: any difference is a problem, also one that another session made. A canary that stops
without need costs a look; one that goes on costs a rollback.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from stagenorm_pipeline.config.configuration import TargetSetting
from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.engine.apply.canary import CanaryBatches
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.receipts.check import read_receipt_mismatches
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.targets.target import Target
from stagenorm_pipeline.engine.targets.visibility import visible_targets
from stagenorm_pipeline.engine.verify.result import Rule
from stagenorm_pipeline.vocabulary import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryProblem:
    """A rule that the canary did not pass, and why."""

    rule: Rule
    what: str


def verify_canary(
    database: Database, canary: CanaryBatches, settings: tuple[TargetSetting, ...], *, stages: tuple[Stage, ...]
) -> tuple[CanaryProblem, ...]:
    """Compare the canary's batches, rows, log entries and receipts. Returns what is wrong, in the rules' order.

    `stages`: the canonical stages.
    """
    values = {
        "batch_ids": list(canary.batch_ids),
        "after_log_id": canary.after_log_id,
        "canonical": list(map(str, stages)),
    }
    with database.snapshot() as connection:
        batches = connection.exec_driver_sql(statement("verify/canary_batches"), values).one()
        targets = [target for target in visible_targets(connection, settings) if target.name in batches.targets]
        rows = Counter[str]()
        for target in targets:
            rows.update(_compare_rows(connection, target, values))
        receipts = read_receipt_mismatches(connection, targets, FundScope(), canary.after_log_id)
    unlisted = len(set(batches.targets) - {target.name for target in targets})
    return tuple(_problems(batches, rows, receipts.mismatches_total, unlisted))


def _compare_rows(connection: sa.Connection, target: Target, values: dict[str, Any]) -> dict[str, int]:
    parts = {name: part for name, part in target.sql_parts().items() if name in ("key", "table", "stage")}
    row = connection.exec_driver_sql(
        statement("verify/canary_rows", **parts),
        {**values, **target.identity()},
    ).one()
    return dict(row._mapping)


def _problems(batches: Any, rows: Counter[str], altered: int, unlisted: int) -> Iterator[CanaryProblem]:
    found = (
        (Rule.BATCH_TRACKING, batches.refused, "row", "refused by the database"),
        (Rule.BATCH_TRACKING, batches.not_done, "batch", "not completed"),
        (Rule.BATCH_TRACKING, batches.wrong_sums, "batch", "with counts that do not add up"),
        (Rule.CANONICAL_STAGES, rows["not_canonical"], "changed row", "not canonical"),
        (Rule.NULL_INTEGRITY, rows["nulls"], "changed row", "NULL now"),
        (Rule.ROW_COUNTS, rows["gone"], "changed row", "gone"),
        (Rule.AUDIT_CONSISTENCY, batches.wrong_counts, "batch", "with other counts than the audit log"),
        (Rule.AUDIT_CONSISTENCY, rows["differ"], "changed row", "not as the audit log says"),
        (Rule.AUDIT_CONSISTENCY, unlisted, "table", "of the plan that stagenorm.toml does not list"),
        (Rule.AUDIT_CONSISTENCY, altered, "batch", "with audit rows that differ from the receipt"),
    )
    for rule, number, kind, what in found:
        if number:
            yield CanaryProblem(rule=rule, what=f"{counted(number, kind)} {what}")
