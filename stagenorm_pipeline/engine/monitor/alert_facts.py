"""Read what an alert may report, from the tracking tables: no stage, no error text, no reason that a person typed.

Such texts may quote a row. An alert leaves the database, so these queries do not select them.
"""

from dataclasses import dataclass
from datetime import datetime

from stagenorm_pipeline.engine.apply.pause import read_control
from stagenorm_pipeline.engine.monitor.runners import read_runners
from stagenorm_pipeline.engine.plan.batch_types import PlanKind
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.migrations import require_migrations
from stagenorm_pipeline.engine.postgres.sql_files import statement

# A sensor's tick has a minute for this and for the messages.
_STATEMENT_TIMEOUT = "10s"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanResult:
    """The result of a plan without pending or running batches. `failed_funds`: the funds with failed batches."""

    plan_id: int
    kind: PlanKind
    batches_completed: int
    batches_failed: int
    rows_updated: int
    rows_skipped: int
    rows_failed: int
    tables: tuple[str, ...]
    failed_funds: tuple[str | None, ...]
    sqlstates: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedVerificationFacts:
    """A recorded verification with the verdict `failed`. `rules`: the failed ones, if the report was recorded."""

    verification_id: int
    plan_id: int | None
    rules: tuple[str, ...]
    targets: tuple[str, ...]
    all_funds: bool
    fund_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ThrottledRunner:
    """A runner that is throttled now, and since when."""

    runner_id: int
    plan_id: int | None
    run_by: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseFacts:
    """A pause that is on now: since when, and who set it."""

    since: datetime
    changed_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertFacts:
    """Everything in the tracking tables that an alert may be about, at the moment `as_of` of the server's clock."""

    as_of: datetime
    results: tuple[PlanResult, ...]
    failed_verifications: tuple[FailedVerificationFacts, ...]
    throttled: tuple[ThrottledRunner, ...]
    pause: PauseFacts | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedPlace:
    """Where batches failed. `sqlstates`: of the refused rows, if single rows were refused."""

    plan_id: int
    table: str
    fund_id: str | None
    sqlstates: tuple[str, ...]


def read_alert_facts(database: Database) -> AlertFacts:
    """Read all facts in one snapshot. Reads no target."""
    with database.snapshot() as connection:
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = '{_STATEMENT_TIMEOUT}'")
        require_migrations(connection)
        control = read_control(connection)
        return AlertFacts(
            as_of=connection.exec_driver_sql("SELECT now()").scalar_one(),
            results=tuple(
                PlanResult(
                    plan_id=row.plan_id,
                    kind=PlanKind(row.kind),
                    batches_completed=row.batches_completed,
                    batches_failed=row.batches_failed,
                    rows_updated=row.rows_updated,
                    rows_skipped=row.rows_skipped,
                    rows_failed=row.rows_failed,
                    tables=tuple(row.tables),
                    failed_funds=tuple(row.failed_funds or ()),
                    sqlstates=tuple(row.sqlstates),
                )
                for row in connection.exec_driver_sql(statement("monitor/finished_results"))
            ),
            failed_verifications=tuple(
                FailedVerificationFacts(
                    verification_id=row.verification_id,
                    plan_id=row.plan_id,
                    rules=tuple(row.rules),
                    targets=tuple(row.targets),
                    all_funds=row.all_funds,
                    fund_id=row.fund_id,
                )
                for row in connection.exec_driver_sql(statement("monitor/failed_verifications"))
            ),
            throttled=tuple(
                ThrottledRunner(
                    runner_id=runner.runner_id,
                    plan_id=runner.plan_id,
                    run_by=runner.run_by,
                    since=runner.throttled.since,
                )
                for runner in read_runners(connection)
                if runner.throttled is not None and not runner.is_gone
            ),
            pause=PauseFacts(since=control.changed_at, changed_by=control.changed_by) if control.paused else None,
        )


def read_failed_places(database: Database, runner: str) -> tuple[FailedPlace, ...]:
    """Read where batches failed of the runners whose name contains `runner`, such as the id of a Dagster run."""
    with database.snapshot() as connection:
        require_migrations(connection)
        rows = connection.exec_driver_sql(statement("monitor/failed_batches_of_run"), {"runner": runner})
        return tuple(
            FailedPlace(
                plan_id=row.plan_id, table=row.table_name, fund_id=row.fund_id, sqlstates=tuple(row.sqlstates or ())
            )
            for row in rows
        )
