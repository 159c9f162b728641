"""Rows that the database refuses: only they are quarantined, and `resume` takes them once the cause is fixed."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
import sqlalchemy as sa

from stagenorm_pipeline.engine.apply.batch_transaction import Bounds
from stagenorm_pipeline.engine.apply.events import BatchCompleted, Event, Retrying
from stagenorm_pipeline.engine.apply.rehearsal import rehearse_plan
from stagenorm_pipeline.engine.apply.runner import ApplyResult
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.failpoints import Failpoint
from stagenorm_pipeline.engine.verify.result import Outcome, Rule
from stagenorm_pipeline.errors import RefusedError
from stagenorm_pipeline_tests.support import engine_calls as work
from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.blocked_program import BlockedProgram, Stop

# The first batch of twenty rows holds one of them, the second two, the third none.
ODD = (5, 25, 26)
ROWS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """What makes the database refuse the odd rows, how to undo it, and a part of what it then says."""

    name: str
    make: str
    undo: str
    says: str


def _trigger(name: str, body: str, says: str, *, when: str = "BEFORE") -> Cause:
    kind = "TRIGGER" if when == "BEFORE" else "CONSTRAINT TRIGGER"
    timing = "BEFORE UPDATE ON portfoliocompanies" if when == "BEFORE" else "AFTER UPDATE ON portfoliocompanies " + when
    return Cause(
        name=name,
        make="CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF NEW.name LIKE 'odd%%' THEN {body} END IF; RETURN NEW; END $$; "
        f"CREATE {kind} refuse {timing} FOR EACH ROW EXECUTE FUNCTION refuse()",
        undo="DROP TRIGGER refuse ON portfoliocompanies",
        says=says,
    )


def _after(name: str, timing: str, rows: str, *, kind: str = "TRIGGER") -> Cause:
    """A trigger that updates the odd rows among `rows` again, after they were written."""
    return Cause(
        name=name,
        make="CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF pg_trigger_depth() = 1 THEN "
        f"UPDATE portfoliocompanies SET stage = 'mine' WHERE name LIKE 'odd%%' AND id IN ({rows}); END IF; "
        f"RETURN NULL; END $$; CREATE {kind} refuse AFTER UPDATE ON portfoliocompanies {timing} "
        "EXECUTE FUNCTION refuse()",
        undo="DROP TRIGGER refuse ON portfoliocompanies",
        says="stored another stage",
    )


CAUSES = (
    _after("an AFTER ROW trigger that writes the row again", "FOR EACH ROW", "NEW.id"),
    _after(
        "an AFTER STATEMENT trigger that writes rows again",
        "REFERENCING NEW TABLE AS written FOR EACH STATEMENT",
        "SELECT id FROM written",
    ),
    _after(
        "a deferred constraint trigger that writes the row again",
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW",
        "NEW.id",
        kind="CONSTRAINT TRIGGER",
    ),
    _trigger("a trigger that raises", "RAISE EXCEPTION 'not %%, says the trigger', NEW.name;", "says the trigger"),
    _trigger("a trigger that suppresses the update", "RETURN NULL;", "suppressed"),
    _trigger("a trigger that rewrites the stage", "NEW.stage := 'mine';", "stored another stage"),
    _trigger("a trigger that sets the old stage again", "NEW.stage := OLD.stage;", "stored another stage"),
    _trigger("a trigger that writes NULL", "NEW.stage := NULL;", "not-null constraint"),
    _trigger("a deferred constraint trigger", "RAISE EXCEPTION 'late';", "late", when="DEFERRABLE INITIALLY DEFERRED"),
    _trigger(
        "a trigger that misses a privilege",
        "RAISE EXCEPTION 'not yours' USING ERRCODE = 'insufficient_privilege';",
        "not yours",
    ),
    _trigger(
        "a trigger that finds a wrong state",
        "RAISE EXCEPTION 'wrong state' USING ERRCODE = 'object_not_in_prerequisite_state';",
        "wrong state",
    ),
    Cause(
        name="a CHECK constraint",
        make="ALTER TABLE portfoliocompanies ADD CONSTRAINT refuse "
        "CHECK (name NOT LIKE 'odd%%' OR stage <> 'seed') NOT VALID",
        undo="ALTER TABLE portfoliocompanies DROP CONSTRAINT refuse",
        says="violates check constraint",
    ),
    Cause(
        name="an exclusion constraint",
        make="INSERT INTO portfoliocompanies (id, name, stage) SELECT id + 1000, name, 'seed' FROM portfoliocompanies "
        "WHERE name LIKE 'odd%%'; "
        "ALTER TABLE portfoliocompanies ADD CONSTRAINT refuse EXCLUDE USING btree (name WITH =, stage WITH =)",
        undo="ALTER TABLE portfoliocompanies DROP CONSTRAINT refuse",
        says="violates exclusion constraint",
    ),
)


@pytest.fixture
def companies(application: Application) -> Application:
    """Sixty companies to normalize, with names, some of them odd."""
    application.add(COMPANIES, [(1, "Seed")] * ROWS)
    application.sql("UPDATE portfoliocompanies SET name = 'good ' || id")
    application.sql("UPDATE portfoliocompanies SET name = 'odd ' || id WHERE id = ANY (%s)", list(ODD))
    return application


@pytest.fixture(params=CAUSES, ids=lambda cause: cause.name)
def cause(request: pytest.FixtureRequest, companies: Application) -> Cause:
    """A cause that is at work."""
    found: Cause = request.param
    companies.sql(found.make.replace("%%", "%"))
    return found


def not_seed(application: Application) -> list[int]:
    return application.column("SELECT id FROM portfoliocompanies WHERE stage <> 'seed' ORDER BY id")


def waiting(application: Application) -> list[tuple[str, str]]:
    return application.sql(
        "SELECT row_id, error_message FROM stage_migration_quarantine WHERE resolved_at IS NULL ORDER BY row_id::int"
    )


def counts(application: Application) -> list[tuple[str, int, int, int]]:
    return application.sql(
        "SELECT status, rows_updated, rows_skipped, rows_failed FROM stage_migration_batches ORDER BY batch_number"
    )


REFUSED = [("failed", 19, 0, 1), ("failed", 18, 0, 2), ("completed", 20, 0, 0)]
HEALED = [("completed", 20, 0, 0)] * 3


def test_refused_rows_alone_are_quarantined_and_resumed(companies: Application, cause: Cause) -> None:
    work.plan(companies.database)
    result = work.apply(companies.database).result
    _only_refused_rows_are_quarantined_with_the_database_error(companies, cause, result)
    _resume_takes_only_refused_rows_until_the_cause_is_fixed(companies, cause)


def _only_refused_rows_are_quarantined_with_the_database_error(
    companies: Application, cause: Cause, result: ApplyResult
) -> None:
    assert (result.completed, result.failed) == (1, 2)
    assert [row_id for row_id, _ in waiting(companies)] == [str(row_id) for row_id in ODD]
    assert all(cause.says in message for _, message in waiting(companies))
    assert counts(companies) == REFUSED
    assert not_seed(companies) == list(ODD)
    logged = "SELECT row_id::int FROM stage_normalization_log ORDER BY 1"
    assert companies.column(logged) == [row_id for row_id in range(1, ROWS + 1) if row_id not in ODD]

    tracking = companies.verify().check(Rule.BATCH_TRACKING)
    assert tracking.outcome is Outcome.FAILED
    assert sorted(int(f.row_id) for f in tracking.findings if f.row_id) == list(ODD)
    assert all(cause.says in str(f.detail) for f in tracking.findings if f.row_id)
    assert "`stagenorm resume`: it takes only the refused rows" in str(tracking.recommendation)


def _resume_takes_only_refused_rows_until_the_cause_is_fixed(companies: Application, cause: Cause) -> None:
    versions = "SELECT id, xmin::text FROM portfoliocompanies WHERE id <= 60 AND name LIKE 'good%' ORDER BY id"
    good = companies.sql(versions)
    refused = waiting(companies)

    assert work.apply(companies.database).result.rows.rows_failed == 3
    assert waiting(companies) == refused
    assert counts(companies) == REFUSED

    companies.sql(cause.undo)
    assert work.apply(companies.database).result.ok
    assert (waiting(companies), counts(companies), not_seed(companies)) == ([], HEALED, [])
    assert companies.column("SELECT DISTINCT resolution FROM stage_migration_quarantine") == ["updated"]
    assert companies.value("SELECT count(*) FROM stage_migration_quarantine") == len(ODD)
    assert companies.sql(versions) == good
    assert companies.value("SELECT count(*) FROM stage_normalization_log") == ROWS
    assert companies.verify().check(Rule.BATCH_TRACKING).passed


@contextmanager
def as_ordinary_role(application: Application) -> Iterator[Database]:
    """Connect as a role that owns nothing and has the privileges that a run needs."""
    application.sql("DROP ROLE IF EXISTS ordinary")
    application.sql("CREATE ROLE ordinary LOGIN")
    application.sql("GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO ordinary")
    database = Database.at(sa.make_url(application.url).set(drivername="postgresql+psycopg", username="ordinary"))
    yield database
    database.close()
    application.sql("DROP OWNED BY ordinary")
    application.sql("DROP ROLE ordinary")


@pytest.fixture
def refused(companies: Application) -> Application:
    """The odd rows are in quarantine, and the cause is not fixed."""
    companies.sql(CAUSES[0].make.replace("%%", "%"))
    work.plan(companies.database)
    work.apply(companies.database)
    return companies


def test_resume_skips_refused_rows_that_a_user_changed_or_deleted(refused: Application) -> None:
    refused.sql(CAUSES[0].undo)
    refused.sql("UPDATE portfoliocompanies SET stage = 'series-b' WHERE id = 25")
    refused.sql("DELETE FROM portfoliocompanies WHERE id = 26")
    assert work.apply(refused.database).result.ok
    assert counts(refused) == [("completed", 20, 0, 0), ("completed", 18, 2, 0), ("completed", 20, 0, 0)]
    resolutions = "SELECT row_id::int, resolution FROM stage_migration_quarantine ORDER BY 1"
    assert refused.sql(resolutions) == [(5, "updated"), (25, "skipped"), (26, "skipped")]
    assert refused.value("SELECT stage FROM portfoliocompanies WHERE id = 25") == "series-b"


def test_resume_resolves_refused_rows_after_the_clock_was_set_back(refused: Application) -> None:
    refused.sql("UPDATE stage_migration_quarantine SET quarantined_at = now() + interval '1 hour'")
    refused.sql(CAUSES[0].undo)
    assert work.apply(refused.database).result.ok
    assert (waiting(refused), counts(refused)) == ([], HEALED)


def test_new_plan_includes_refused_rows_and_resolves_their_old_entries(refused: Application) -> None:
    refused.sql(CAUSES[0].undo)
    assert work.migrate(refused.database).result.rows.rows_updated == len(ODD)
    assert (waiting(refused), not_seed(refused)) == ([], [])
    assert refused.column("SELECT DISTINCT resolution FROM stage_migration_quarantine") == ["superseded"]
    assert refused.value("SELECT count(*) FROM stage_normalization_log") == ROWS
    assert refused.verify().check(Rule.BATCH_TRACKING).passed


def test_batch_of_refused_rows_only_quarantines_each_row(companies: Application) -> None:
    companies.sql("UPDATE portfoliocompanies SET name = 'odd ' || id")
    companies.sql(CAUSES[0].make.replace("%%", "%"))
    work.plan(companies.database, batch_size=500)
    assert work.apply(companies.database).result.rows.rows_failed == ROWS
    assert len(waiting(companies)) == ROWS
    assert companies.value("SELECT count(*) FROM stage_normalization_log") == 0


def test_search_for_refused_rows_keeps_no_savepoint_open(companies: Application) -> None:
    # Each savepoint would take a place in the lock table that all sessions of the server share.
    companies.sql("UPDATE portfoliocompanies SET name = 'odd ' || id WHERE id % 2 = 0")
    companies.sql(CAUSES[0].make.replace("%%", "%"))
    work.plan(companies.database, batch_size=500)
    with BlockedProgram(companies.url, work.apply, Stop(step=Failpoint.APPLY_ROWS_CHANGED)) as program:
        assert program.comes_to_its_stop()
        held = companies.value(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'transactionid' AND pid IN "
            "(SELECT pid FROM pg_stat_activity WHERE datname = current_database())"
        )
    assert held == 1


def test_slow_trigger_fails_its_whole_batch_and_no_other(companies: Application) -> None:
    companies.sql(_trigger("slow", "PERFORM pg_sleep(10);", "").make.replace("%%", "%"))
    work.plan(companies.database)
    result = work.apply(companies.database, bounds=Bounds(statement_timeout_ms=200)).result
    assert (result.completed, result.failed) == (1, 2)
    assert companies.value("SELECT count(*) FROM stage_normalization_log") == 20
    assert waiting(companies) == []
    companies.sql(CAUSES[0].undo)
    assert work.apply(companies.database).result.ok
    assert counts(companies) == HEALED


def test_table_altered_during_a_run_fails_batches_without_quarantine(companies: Application) -> None:
    work.plan(companies.database)

    def rename(event: Event) -> None:
        if isinstance(event, BatchCompleted):
            companies.sql("ALTER TABLE portfoliocompanies RENAME stage TO phase")

    result = work.apply(companies.database, on_event=rename).result
    assert (result.completed, result.failed) == (1, 2)
    assert companies.value("SELECT count(*) FROM stage_migration_quarantine") == 0
    companies.sql("ALTER TABLE portfoliocompanies RENAME phase TO stage")
    assert work.apply(companies.database).result.ok
    assert counts(companies) == HEALED


# On the server whose logins need no password: a policy binds neither a superuser nor a table's owner.
def test_only_rows_that_a_policy_refuses_are_quarantined(portfolio: Application) -> None:
    with as_ordinary_role(portfolio) as database:
        portfolio.sql("ALTER TABLE portfoliocompanies ENABLE ROW LEVEL SECURITY")
        portfolio.sql("CREATE POLICY anyone ON portfoliocompanies USING (true) WITH CHECK (stage <> 'series-c+')")
        work.plan(database)
        result = work.apply(database).result
    assert portfolio.column("SELECT DISTINCT error_message FROM stage_migration_quarantine") == [
        'new row violates row-level security policy for table "portfoliocompanies"'
    ]
    plus = "SELECT count(*) FROM portfoliocompanies WHERE stage = 'SERIES  C+'"
    assert result.rows.rows_failed == portfolio.value(plus) > 0
    assert result.rows.rows_updated == portfolio.value("SELECT count(*) FROM stage_normalization_log") > 0


def test_refused_rows_are_found_without_the_right_to_run_plpgsql(portfolio: Application) -> None:
    with as_ordinary_role(portfolio) as database:
        portfolio.sql("REVOKE USAGE ON LANGUAGE plpgsql FROM PUBLIC")
        portfolio.sql("ALTER TABLE portfoliocompanies ADD CHECK (stage <> 'series-c+') NOT VALID")
        work.plan(database)
        result = work.apply(database).result
    plus = "SELECT count(*) FROM portfoliocompanies WHERE stage = 'SERIES  C+'"
    assert result.rows.rows_failed == portfolio.value(plus) > 0
    assert result.rows.rows_updated == portfolio.value("SELECT count(*) FROM stage_normalization_log") > 0


def test_missing_privilege_stops_the_run_without_quarantine(portfolio: Application) -> None:
    with as_ordinary_role(portfolio) as database:
        work.plan(database)
        portfolio.sql("REVOKE UPDATE ON portfoliocompanies FROM ordinary")
        with pytest.raises(RefusedError, match="permission denied for table portfoliocompanies"):
            work.apply(database)
    assert portfolio.value("SELECT count(*) FROM stage_migration_quarantine") == 0


def test_row_that_an_after_trigger_deletes_is_quarantined(companies: Application) -> None:
    companies.sql(
        "CREATE FUNCTION remove() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "DELETE FROM portfoliocompanies WHERE id = NEW.id; RETURN NULL; END $$; "
        "CREATE TRIGGER remove AFTER UPDATE ON portfoliocompanies FOR EACH ROW "
        "WHEN (NEW.name LIKE 'odd%') EXECUTE FUNCTION remove()"
    )
    work.plan(companies.database)
    work.apply(companies.database)
    assert counts(companies) == REFUSED
    assert not_seed(companies) == list(ODD)


def test_trigger_that_changes_an_earlier_row_fails_the_whole_batch(companies: Application) -> None:
    # When all of the batch is written by halves, a later half makes it change a row of an earlier one.
    companies.sql(
        "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF pg_trigger_depth() = 1 THEN "
        "UPDATE portfoliocompanies SET stage = 'mine' WHERE id = 21 AND stage = 'seed' "
        "AND EXISTS (SELECT 1 FROM portfoliocompanies WHERE id = 40 AND stage = 'seed'); END IF; RETURN NULL; END $$; "
        "CREATE TRIGGER spoil AFTER UPDATE ON portfoliocompanies FOR EACH STATEMENT EXECUTE FUNCTION spoil()"
    )
    work.plan(companies.database)
    result = work.apply(companies.database).result
    assert (result.completed, result.failed) == (2, 1)
    assert companies.column("SELECT id FROM portfoliocompanies WHERE stage <> 'seed' ORDER BY id") == list(
        range(21, 41)
    )
    assert companies.value("SELECT count(*) FROM stage_normalization_log") == 40


@pytest.mark.parametrize(("when", "checks"), [("BEFORE", 0), ("AFTER", 3)])
def test_only_a_table_with_after_triggers_is_checked_again(companies: Application, when: str, checks: int) -> None:
    """The others take the normal path: one message, and no statement through SQLAlchemy."""
    companies.sql("CREATE FUNCTION idle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'")
    companies.sql(f"CREATE TRIGGER idle {when} UPDATE ON portfoliocompanies FOR EACH ROW EXECUTE FUNCTION idle()")
    work.plan(companies.database)
    seen: list[str] = []

    def note(connection: object, cursor: object, text: str, *others: object) -> None:
        seen.append(text)

    sa.event.listen(companies.database.engine, "before_cursor_execute", note)
    assert companies.apply().ok
    assert len([text for text in seen if "changed_again" in text]) == checks
    assert len([text for text in seen if "SET CONSTRAINTS" in text]) == checks


@pytest.mark.parametrize("state", ["serialization_failure", "deadlock_detected", "lock_not_available"])
def test_row_whose_trigger_raises_a_lock_error_is_quarantined_after_retries(
    companies: Application, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    monkeypatch.setattr("stagenorm_pipeline.engine.postgres.retry._LONGEST_WAIT_S", 0.01)
    companies.sql(_trigger("busy", f"RAISE EXCEPTION 'busy' USING ERRCODE = '{state}';", "").make.replace("%%", "%"))
    work.plan(companies.database)
    events: list[Event] = []
    result = work.apply(companies.database, on_event=events.append).result
    assert (result.completed, result.failed) == (1, 2)
    assert waiting(companies) == [(str(row_id), "busy") for row_id in ODD]
    assert counts(companies) == REFUSED
    assert len([event for event in events if isinstance(event, Retrying)]) == 16
    # The retry of the refused rows tries again as often before it gives up on them.
    assert work.apply(companies.database).result.failed == 2
    companies.sql(CAUSES[0].undo)
    assert work.apply(companies.database).result.ok
    assert counts(companies) == HEALED


def test_rehearsal_lists_the_row_whose_trigger_raises_a_lock_error(
    companies: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stagenorm_pipeline.engine.postgres.retry._LONGEST_WAIT_S", 0.01)
    companies.sql(_trigger("busy", "RAISE EXCEPTION 'busy' USING ERRCODE = '40001';", "").make.replace("%%", "%"))
    plan_id = companies.plan(as_draft=True).plan_id
    assert plan_id is not None
    result = rehearse_plan(companies.database, plan_id, run_by="me")
    assert [row.row_id for row in result.refused] == [str(row_id) for row_id in ODD]
    assert companies.value("SELECT count(*) FROM stage_migration_receipts") == 0
