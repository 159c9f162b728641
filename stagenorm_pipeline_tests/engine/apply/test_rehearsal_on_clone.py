"""A rehearsal on a clone: what it measures, what it leaves as it is, which clones it refuses."""

import pytest

from stagenorm_pipeline.engine.apply.clone import CloneError, require_clone
from stagenorm_pipeline.engine.apply.rehearsal_on_clone import (
    CloneRehearsal,
    CloneRequest,
    Recorded,
    Stopped,
    rehearse_on_clone,
)
from stagenorm_pipeline.engine.approval.approval import set_rule
from stagenorm_pipeline.engine.approval.rehearsals import NotRehearsed, RehearsalState, read_rehearsal
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.errors import PlanError
from stagenorm_pipeline_tests.support.application import COMPANIES, DEALS, Application
from stagenorm_pipeline_tests.support.clone import cloned
from stagenorm_pipeline_tests.support.private_server import PrivateServer

# Refuses one spelling, keeps a history of the others, and touches another column.
_TRIGGERS = """
CREATE TABLE history (company integer, stage text);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF OLD.stage = 'SEED' THEN RAISE '% is frozen', OLD.stage; END IF;
    INSERT INTO history VALUES (NEW.id, OLD.stage), (NEW.id, NEW.stage);
    UPDATE deal_opportunities SET title = 'company changed' WHERE fund_id = NEW.fund_id;
    NEW.name := 'renamed';
    RETURN NEW;
END $$;
CREATE TRIGGER note BEFORE UPDATE ON portfoliocompanies FOR EACH ROW EXECUTE FUNCTION note();
"""


def rehearse(application: Application, clone: Database, plan_id: int | None, *, stop_at: int = 99) -> CloneRehearsal:
    batches: list[object] = []
    request = CloneRequest(
        plan_id=plan_id or 0,
        worker="worker",
        run_by="operator",
        watch=batches.append,
        # Two events come with each batch, and one before the first.
        should_stop=lambda: len(batches) > 2 * stop_at,
    )
    return rehearse_on_clone(application.database, clone, request)


def state_of(application: Application, plan_id: int | None) -> RehearsalState:
    with application.database.snapshot() as connection:
        return read_rehearsal(connection, plan_id or 0)


def test_rehearsal_measures_refused_rows_triggers_and_wal(
    application: Application, clone_server: PrivateServer
) -> None:
    """The clone lacks our tables, and approvals are required: neither is in the way."""
    application.add(COMPANIES, [(1, "Seed"), (1, "SEED"), (1, "Seed"), (2, "SEED"), (2, "Series A")])
    application.add(DEALS, [(1, "series b"), (2, None)])
    set_rule(application.database, required=True)
    plan = application.plan()
    assert plan.status == "draft"
    before = application.contents()

    with cloned(application, clone_server) as clone:
        clone.sql(_TRIGGERS)
        done = rehearse(application, clone.database, plan.plan_id)
        assert list(clone.stages(COMPANIES).values()) == ["seed", "SEED", "seed", "SEED", "series-a"]
        assert clone.value("SELECT count(*) FROM stage_normalization_log") == 4

    assert isinstance(done, Recorded)
    figures, effects = done.rehearsal, done.effects
    assert (figures.batches, figures.rows_updated, figures.rows_skipped, figures.rows_refused) == (3, 4, 0, 2)
    assert figures.duration_ms >= figures.slowest_batch_ms > 0
    assert 1_000 < figures.wal_bytes < 10_000_000
    (cause,) = effects.refused
    assert (cause.rows, cause.message, cause.sqlstate) == (2, "SEED is frozen", "P0001")
    assert cause.example == "row 2"
    tables = {one.table: (one.inserted, one.updated, one.deleted) for one in effects.tables}
    # Not the rows of attempts that were rolled back, nor our own update of a deal.
    assert tables == {"public.history": (6, 0, 0), f"public.{DEALS}": (0, 3, 0)}
    columns = {one.column: (one.rows, one.rows_compared) for one in effects.columns}
    assert columns == {"name": (3, 5)}
    assert (effects.rows_compared, effects.unreadable_columns) == (6, 0)

    after = application.contents()
    assert {name for name in after if after[name] != before[name]} == {"stage_migration_rehearsals"}
    assert state_of(application, plan.plan_id) == figures


def test_rows_that_differ_in_the_clone_are_skipped(application: Application, clone_server: PrivateServer) -> None:
    first, second, third = application.add(COMPANIES, [(1, "Seed"), (1, "Seed"), (1, "Seed")])
    plan = application.plan()
    with cloned(application, clone_server) as clone:
        clone.sql(
            f"UPDATE {COMPANIES} SET stage = 'Series A' WHERE id = {first}; DELETE FROM {COMPANIES} WHERE id = {second}"
        )
        done = rehearse(application, clone.database, plan.plan_id)
        assert isinstance(done, Recorded)
        assert (done.rehearsal.rows_updated, done.rehearsal.rows_skipped) == (1, 2)
        assert clone.stages(COMPANIES) == {first: "Series A", third: "seed"}

        # A clone that was used has no row left as the plan saw it.
        with pytest.raises(CloneError, match="No row of the clone"):
            rehearse(application, clone.database, plan.plan_id)
        assert state_of(application, plan.plan_id) == done.rehearsal
        clone.sql(f"DROP TABLE {COMPANIES}")
        with pytest.raises(CloneError, match=r"On the clone .*portfoliocompanies does not exist"):
            rehearse(application, clone.database, plan.plan_id)


def test_other_database_of_the_same_server_is_no_clone(
    application: Application, database_url: str, clone_server: PrivateServer
) -> None:
    same_server = Database.at(database_url)
    with pytest.raises(CloneError, match="on the server of the primary itself") as refused:
        require_clone(application.database, same_server)
    assert "to another server" in (refused.value.remedy or "")
    same_server.close()
    gone = Database.at(clone_server.url("gone"))
    with pytest.raises(CloneError, match="On the clone: No connection"):
        require_clone(application.database, gone)
    gone.close()


def test_changed_plan_counts_as_not_rehearsed(application: Application, clone_server: PrivateServer) -> None:
    application.add(COMPANIES, [(1, "Seed"), (1, "SEED")])
    plan = application.plan(batch_size=1)
    assert state_of(application, plan.plan_id) == NotRehearsed()
    with cloned(application, clone_server) as clone:
        stopped = rehearse(application, clone.database, plan.plan_id, stop_at=1)
        assert isinstance(stopped, Stopped)
        assert stopped.figures.rows_updated == 1
        assert state_of(application, plan.plan_id) == NotRehearsed()
        rehearse(application, clone.database, plan.plan_id)
        assert state_of(application, plan.plan_id) != NotRehearsed()

        application.sql("UPDATE stage_migration_plan_spellings SET stage_after = 'series-a'")
        assert state_of(application, plan.plan_id) == NotRehearsed()
        application.sql("UPDATE stage_migration_plans SET status = 'cancelled'")
        with pytest.raises(PlanError, match="only a draft or an open plan"):
            rehearse(application, clone.database, plan.plan_id)
