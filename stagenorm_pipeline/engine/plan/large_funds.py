"""A fund that is too large for one plan: naming it, once PostgreSQL has refused to collect its keys.

Looked for only then, with a scan of its own: an ordinary plan pays nothing for it.
"""

from stagenorm_pipeline.engine.plan.request import PlanRequest
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.targets.funds import fund_key
from stagenorm_pipeline.engine.targets.target import Target
from stagenorm_pipeline.engine.targets.visibility import visible_targets
from stagenorm_pipeline.errors import PlanError
from stagenorm_pipeline.vocabulary import CANONICAL_STAGES


def fund_too_large(database: Database, request: PlanRequest) -> PlanError:
    """The error for a plan whose keys of one fund do not fit into an array, naming the largest fund of the targets."""
    with database.snapshot() as connection:
        found = []
        for target in visible_targets(connection, request.targets):
            parts = target.sql_parts()
            query = statement(
                "plan/largest_fund",
                **{name: parts[name] for name in ("table", "stage", "key", "fund_group")},
                fund_condition=request.scope.condition(parts["fund"]),
            )
            values = {"fund_id": request.scope.fund_id, "canonical": list(CANONICAL_STAGES)}
            found += [(row.key_bytes, row, target) for row in connection.exec_driver_sql(query, values)]
    _, row, target = max(found, key=lambda one: one[0])
    return _error(target, row.fund_id, row.rows_counted)


def _error(target: Target, fund_id: str | None, rows: int) -> PlanError:
    # Measured on 18: 67,108,864 whole numbers are the most that array_agg collects.
    return PlanError(
        f"{fund_key(fund_id)} of {target.name} is too large for one plan: {rows:,} rows are not canonical, and their "
        "keys do not fit into an array of PostgreSQL's (1 GB; 67,108,864 whole numbers). Nothing was recorded.",
        remedy="In stagenorm.toml, name as fund_column a column that cuts the table finer, or name the table's "
        "partitions as targets. Other funds can be planned one by one (--fund-id).",
    )
