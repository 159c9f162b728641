"""List the user's triggers that an update of the stage fires."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.preflight.finding import PreflightCheck, PreflightFinding, PreflightLevel
from stagenorm_pipeline.engine.targets.target import Target


def check(connection: sa.Connection, target: Target) -> Iterator[PreflightFinding]:
    for row in connection.exec_driver_sql(statement("preflight/triggers"), target.identity()):
        yield PreflightFinding(
            check=PreflightCheck.TRIGGERS,
            level=PreflightLevel.WARNING,
            target=target.name,
            message=_message(row),
            remedy=_REMEDY.format(row.runs_as),
        )


def _message(row: Any) -> str:
    how = f"{'BEFORE' if row.is_before else 'AFTER'} UPDATE trigger {row.trigger_name} on {row.relation}"
    often = "every row" if row.is_for_each_row else "every statement"
    message = f"The {how} fires for {often} that the run updates (function {row.function_name})."
    if row.is_before and row.is_for_each_row:
        # stagenorm neither audits nor restores other columns that the trigger sets.
        message += (
            " It may suppress the change or store another stage: such rows go to quarantine. It may also change other "
            "columns, such as updated_at, which a rollback does not restore."
        )
    return message


_REMEDY = (
    "Find out what it does for each row (mails, queues, history tables) and whether you want that now. It runs with "
    "the privileges of {}. A rehearsal (`stagenorm run --rehearse`) fires it and rolls its changes back."
)
