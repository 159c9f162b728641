"""Update the rows of a batch one by one on the server, in one statement, and find those that the database refuses."""

from dataclasses import dataclass
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg import sql

from stagenorm_pipeline.engine.apply.refusals import refusal_by
from stagenorm_pipeline.engine.plan.batch_types import Refusal
from stagenorm_pipeline.engine.postgres.connection import driver_of
from stagenorm_pipeline.engine.postgres.retry import CLASSES_OF_OTHER_CAUSES, CONTENTION
from stagenorm_pipeline.engine.postgres.tracking_schema import own_prefix, qualified


@dataclass(frozen=True, slots=True, kw_only=True)
class OneByOne:
    """What happened to the rows. Those that were neither updated nor refused were skipped or suppressed."""

    updated: int
    refusals: tuple[Refusal, ...]
    log_ids: tuple[int, int] | None


def may_run(connection: sa.Connection) -> bool:
    """Tell whether this role may run PL/pgSQL. An administrator can forbid it."""
    return bool(
        connection.exec_driver_sql(
            "SELECT EXISTS (SELECT FROM pg_language WHERE lanname = 'plpgsql' AND has_language_privilege(oid, 'USAGE'))"
        ).scalar_one()
    )


def update_one_by_one(
    connection: sa.Connection, body: str, values: dict[str, Any], *, with_contention: bool
) -> OneByOne:
    """Run `body`, the text of `apply/update_one_by_one`, in the caller's transaction.

    `with_contention`: errors of contention that RAISE made are caused by the row too. Raises the database's error if
    it may have another cause. The caller then rolls back to its savepoint.
    """
    bound = {
        **values,
        "contention": sorted(CONTENTION),
        "with_contention": with_contention,
        "other_classes": sorted(CLASSES_OF_OTHER_CAUSES),
    }
    driver = driver_of(connection)
    # DO takes no parameters, so the driver quotes the values, and then the whole body.
    text = psycopg.ClientCursor(driver).mogrify(qualified(body, own_prefix(connection)), bound)
    connection.exec_driver_sql("DO " + sql.Literal(text).as_string(driver), execution_options={"no_parameters": True})
    found = connection.exec_driver_sql("SELECT current_setting('stagenorm.one_by_one')::json").scalar_one()
    refusals = tuple(map(refusal_by, found["refused"], found["reasons"], found["codes"]))
    log_ids = (found["first_log_id"], found["last_log_id"]) if found["updated"] else None
    return OneByOne(updated=found["updated"], refusals=refusals, log_ids=log_ids)
