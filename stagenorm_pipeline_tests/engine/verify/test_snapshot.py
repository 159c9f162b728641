"""A verification reads one moment of the database, and writes nothing."""

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from stagenorm_pipeline.engine.verify.result import VerificationResult
from stagenorm_pipeline_tests.support.application import COMPANIES, DEALS, Application
from stagenorm_pipeline_tests.support.verification_outcomes import not_passed


def comparable(result: VerificationResult) -> tuple[Any, ...]:
    checks = [(check.rule, check.outcome, dict(check.figures), check.findings) for check in result.checks]
    return checks, result.counts, result.funds, result.stages, result.sample, result.unknown


def statements_of(application: Application) -> int:
    """How many statements a verification runs."""
    seen: list[str] = []

    def listener(connection: sa.Connection, cursor: object, statement: str, *rest: object) -> None:
        seen.append(statement)

    event.listen(application.database.engine, "before_cursor_execute", listener)
    application.verify()
    event.remove(application.database.engine, "before_cursor_execute", listener)
    return len(seen)


def test_a_verification_writes_nothing(migrated: Application) -> None:
    migrated.sql(f"UPDATE {COMPANIES} SET stage = 'growth' WHERE id = 1")
    before = migrated.contents()
    migrated.verify()
    assert migrated.contents() == before


def test_verification_runs_in_a_read_only_snapshot(migrated: Application) -> None:
    modes: set[tuple[str, str]] = set()

    def listener(connection: sa.Connection, cursor: Any, *rest: object) -> None:
        with cursor.connection.cursor() as other:
            other.execute("SELECT current_setting('transaction_read_only'), current_setting('transaction_isolation')")
            modes.add(other.fetchone())

    event.listen(migrated.database.engine, "after_cursor_execute", listener)
    migrated.verify()
    event.remove(migrated.database.engine, "after_cursor_execute", listener)
    assert modes == {("on", "repeatable read")}


@pytest.mark.parametrize("part", [0.3, 0.6, 1.0])
def test_concurrent_commits_are_not_seen(migrated: Application, part: float) -> None:
    undisturbed = comparable(migrated.verify())
    stop_at = max(4, round(statements_of(migrated) * part))
    count = 0

    def listener(connection: sa.Connection, cursor: object, statement: str, *rest: object) -> None:
        nonlocal count
        count += 1
        if count == stop_at:
            migrated.sql(
                f"DELETE FROM {COMPANIES} WHERE id = 1; UPDATE {DEALS} SET stage = NULL; "
                f"INSERT INTO {COMPANIES} (fund_id, stage) VALUES (9, 'growth'); DELETE FROM stage_normalization_log; "
                "UPDATE stage_migration_batches SET status = 'failed'"
            )

    event.listen(migrated.database.engine, "before_cursor_execute", listener)
    disturbed = migrated.verify()
    event.remove(migrated.database.engine, "before_cursor_execute", listener)
    assert count >= stop_at
    assert comparable(disturbed) == undisturbed
    assert len(not_passed(migrated.verify())) == 5
