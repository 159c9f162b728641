"""Read examples of rows with an unknown spelling, for the person who decides what it means."""

from collections import defaultdict
from collections.abc import Mapping

import psycopg
import sqlalchemy as sa
from psycopg import sql

from stagenorm_pipeline.engine.inventory.inventory import TargetInventory
from stagenorm_pipeline.engine.postgres.connection import psycopg_error
from stagenorm_pipeline.engine.postgres.sql_files import identifier, statement
from stagenorm_pipeline.errors import TargetError


def read_examples(connection: sa.Connection, inventory: TargetInventory, column: str) -> Mapping[str, tuple[str, ...]]:
    """Read `column` of the first and the last row of each unknown spelling: at most two examples for each.

    The inventory must have places. A row that holds another spelling by now is an example of that one. Raises
    TargetError if there is no such column.
    """
    keys = {key for places in inventory.places for key in (places.first_id, places.last_id)}
    parts = inventory.target.sql_parts()
    query = statement(
        "inventory/examples",
        table=parts["table"],
        stage=parts["stage"],
        key=parts["key"],
        key_type=parts["key_type"],
        shown=sql.SQL("t.{}").format(identifier(column)),
    )
    try:
        rows = connection.exec_driver_sql(query, {"keys": sorted(keys)}).all()
    except sa.exc.ProgrammingError as error:
        if isinstance(psycopg_error(error), psycopg.errors.UndefinedColumn):
            table = f"{inventory.target.schema}.{inventory.target.table}"
            raise TargetError(
                f"The table {table} has no column {column!r}, which stagenorm.toml names as its example_column.",
                remedy="Name the right column, or leave example_column out.",
            ) from error
        raise
    examples: dict[str, list[str]] = defaultdict(list)
    for spelling, example in rows:
        examples[spelling].append(example)
    return {spelling: tuple(dict.fromkeys(found)) for spelling, found in examples.items()}
