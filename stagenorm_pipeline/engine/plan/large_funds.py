"""Name the fund that is too large for one plan, after PostgreSQL has refused to collect its keys.

This takes another scan, so it runs only after the error.
"""

from stagenorm_pipeline.engine.plan.request import PlanRequest
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.targets.funds import fund_key
from stagenorm_pipeline.engine.targets.target import Target
from stagenorm_pipeline.engine.targets.visibility import visible_targets
from stagenorm_pipeline.errors import PlanError


def fund_too_large(database: Database, request: PlanRequest) -> PlanError:
    """Make the error that names the largest fund of the targets: its keys do not fit into one array."""
    with database.snapshot() as connection:
        found = []
        for target in visible_targets(connection, request.targets):
            parts = target.sql_parts()
            query = statement(
                "plan/largest_fund",
                **{name: parts[name] for name in ("table", "stage", "key", "fund_group")},
                fund_condition=request.scope.condition(parts["fund"]),
            )
            values = {"fund_id": request.scope.fund_id, "canonical": list(map(str, request.vocabulary.canonical))}
            found += [(row.key_bytes, row, target) for row in connection.exec_driver_sql(query, values)]
    _, row, target = max(found, key=lambda one: one[0])
    return _error(target, row.fund_id, row.rows_counted)


def _error(target: Target, fund_id: str | None, rows: int) -> PlanError:
    # Measured on 18: array_agg collects at most 67,108,864 integers.
    return PlanError(
        f"{fund_key(fund_id)} of {target.name} is too large for one plan: {rows:,} rows are not canonical, and their "
        "keys do not fit into one PostgreSQL array (1 GB; 67,108,864 integers). Nothing was recorded.",
        remedy="In stagenorm.toml, name as fund_column a column that divides the table into smaller parts, or name the "
        "table's partitions as targets. Other funds can be planned one at a time (--fund-id).",
    )
