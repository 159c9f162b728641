"""Find the funds in the data, and the fund that a user names. Reads only."""

from contextlib import suppress
from difflib import get_close_matches

import sqlalchemy as sa
from psycopg import sql

from stagenorm_pipeline.config.configuration import TargetSetting
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.migrations import require_migrations
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.targets.funds import FundScope, fund_id_of
from stagenorm_pipeline.engine.targets.target import Target
from stagenorm_pipeline.engine.targets.visibility import visible_targets
from stagenorm_pipeline.errors import ConfigurationError, MissingMigrationError


def read_fund_ids(database: Database, targets: tuple[TargetSetting, ...]) -> set[str | None]:
    """Read the ids of all funds in the targets, with None if some rows have no fund. One scan per target."""
    found: set[str | None] = set()
    with database.snapshot() as connection:
        for target in visible_targets(connection, targets):
            parts = target.sql_parts()
            # Without a fund column every row has the same fund, NULL: one row is enough.
            limit = sql.SQL("" if target.fund_column else " LIMIT 1")
            query = sql.SQL("SELECT DISTINCT {} FROM {} AS t{}").format(parts["fund"], parts["table"], limit)
            found.update(connection.exec_driver_sql(query.as_string(None)).scalars())
    return found


def find_fund(database: Database, targets: tuple[TargetSetting, ...], name: str) -> FundScope:
    """Find the fund that a user names by its id (`12`) or its key (`fund-12`, `no-fund`). The id takes precedence.

    Scans each target at worst, up to the first row of the fund. Raises ConfigurationError for a fund that is neither
    in the targets nor in any plan.
    """
    meanings = [FundScope.one(name)]
    with suppress(ConfigurationError):
        meanings.append(FundScope.one(fund_id_of(name)))
    for scope in meanings:
        if is_known(database, targets, scope):
            return scope
    funds = {fund for fund in read_fund_ids(database, targets) if fund is not None}
    close = get_close_matches(name, [*funds, *(f"fund-{fund}" for fund in funds)], n=3)
    guess = f"Did you mean {' or '.join(close)}? " if close else ""
    raise ConfigurationError(
        f"The fund {name!r} is neither in a target ({', '.join(target.name for target in targets)}) nor in a plan.",
        remedy=f"{guess}`stagenorm inventory` shows the funds.",
    )


def is_known(database: Database, targets: tuple[TargetSetting, ...], scope: FundScope) -> bool:
    """Tell whether any row of the targets, or any plan, is in the scope."""
    with database.snapshot() as connection:
        if any(_has_rows(connection, target, scope) for target in visible_targets(connection, targets)):
            return True
    with database.snapshot() as connection:
        try:
            require_migrations(connection)
        except MissingMigrationError:
            return False
        query = statement("targets/fund_planned", fund_condition=scope.condition(sql.SQL("fund_id")))
        return bool(connection.exec_driver_sql(query, {"fund_id": scope.fund_id}).scalar_one())


def _has_rows(connection: sa.Connection, target: Target, scope: FundScope) -> bool:
    parts = target.sql_parts()
    query = sql.SQL("SELECT EXISTS (SELECT 1 FROM {} AS t WHERE {})")
    text = query.format(parts["table"], scope.condition(parts["fund"])).as_string(None)
    return bool(connection.exec_driver_sql(text, {"fund_id": scope.fund_id}).scalar_one())
