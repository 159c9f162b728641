"""The constraint that keeps a clean column clean: adding it, removing it, and how long other sessions wait."""

import re
import secrets
import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from psycopg import sql

from stagenorm_pipeline.config.configuration import TargetSetting
from stagenorm_pipeline.engine.enforce.alter_table import LockBounds
from stagenorm_pipeline.engine.enforce.constraint import Enforcement, EnforcementState, read_enforcements
from stagenorm_pipeline.engine.enforce.enforce import enforce, remove_enforcement
from stagenorm_pipeline.engine.postgres import retry
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.preflight import run_preflight
from stagenorm_pipeline.engine.rollback.rollback import RollbackRequest, preview_rollback, record_rollback
from stagenorm_pipeline.errors import RefusedError, StagenormError
from stagenorm_pipeline.vocabulary import Decision, Decisions, Stage, Vocabulary
from stagenorm_pipeline_tests.engine.apply.test_apply_columns import NO_CASE, NO_CASE_COLLATION
from stagenorm_pipeline_tests.support.application import COMPANIES, DEALS, VOCABULARY, Application
from stagenorm_pipeline_tests.support.crashes_and_sessions import wait_for_a_waiting_session
from stagenorm_pipeline_tests.support.spellings import CANONICAL_STAGES

HURRIED = LockBounds(lock_timeout_ms=50, validate_lock_timeout_ms=50)
NAME = "stagenorm_stage_canonical"
COMPANIES_ONLY = (TargetSetting(table=COMPANIES),)


def leaving(*spellings: str) -> Vocabulary:
    """Make a vocabulary that keeps these spellings."""
    return Vocabulary.with_decisions(
        Decisions(entries=tuple(Decision(spelling=s, is_kept=True, reason="no round") for s in spellings))
    )


def ignore(error: str, attempt: int, wait_s: float) -> None:
    """Ignore announcements, for tests that do not need them."""


def look(
    application: Application, vocabulary: Vocabulary = VOCABULARY, targets: tuple[TargetSetting, ...] = COMPANIES_ONLY
) -> Enforcement:
    (found,) = read_enforcements(application.database, targets, vocabulary)
    return found


def enforce_it(application: Application, vocabulary: Vocabulary = VOCABULARY, **asked: Any) -> Enforcement:
    enforce(application.database, look(application, vocabulary, **asked), done_by="me", announce=ignore)
    return look(application, vocabulary, **asked)


def record(application: Application) -> list[str]:
    return application.column("SELECT action FROM stage_migration_enforcements ORDER BY enforcement_id")


@pytest.fixture
def clean(application: Application) -> Iterator[Application]:
    application.add(COMPANIES, [(1, "seed"), (2, "series-c+")])
    application.add(DEALS, [(1, "seed"), (2, None)])
    yield application
    # So that the next test can reuse the database.
    for table in application.column(
        "SELECT conrelid::regclass::text FROM pg_constraint WHERE conname = %s AND coninhcount = 0", NAME
    ):
        application.sql(f"ALTER TABLE {table} DROP CONSTRAINT {NAME}")


@pytest.fixture
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "_FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(retry, "_LONGEST_WAIT_S", 0.02)


@pytest.fixture
def user(clean: Application) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """Open a transaction of another session that has read a company."""
    with psycopg.connect(clean.url) as connection:
        connection.execute("SELECT * FROM portfoliocompanies WHERE id = 1")
        yield connection
        connection.rollback()


def test_enforced_column_accepts_only_canonical_stages_and_null(clean: Application) -> None:
    assert enforce_it(clean, targets=(TargetSetting(table=DEALS),)).state is EnforcementState.ENFORCED
    clean.add(DEALS, [(3, "series-a"), (3, None)])
    for messy in ("Seed", " seed", "seed ", "growth", "", "s\u0435ed"):
        with pytest.raises(psycopg.errors.CheckViolation, match=NAME):
            clean.add(DEALS, [(3, messy)])
    with pytest.raises(psycopg.errors.CheckViolation, match=NAME):
        clean.sql(f"UPDATE {DEALS} SET stage = 'Seed'")
    assert record(clean) == ["added", "validated"]


def test_constraint_is_validated_and_matches_the_shown_definition(clean: Application) -> None:
    shown = look(clean).to_enforce
    enforce_it(clean)
    assert clean.sql("SELECT convalidated FROM pg_constraint WHERE conname = %s", NAME) == [(True,)]
    done = clean.column("SELECT statement FROM stage_migration_enforcements ORDER BY enforcement_id")
    assert done == [shown[0], shown[2]]
    assert "IN ('pre-seed', 'seed', 'series-a', 'series-b', 'series-c', 'series-c+')" in shown[0]


def test_shown_statements_enforce_when_run_by_hand(clean: Application) -> None:
    for statement in look(clean).to_enforce:
        clean.sql(statement)
    assert look(clean).state is EnforcementState.ENFORCED


def test_reading_the_state_changes_nothing(clean: Application) -> None:
    before = clean.contents()
    assert look(clean).state is EnforcementState.NONE
    assert clean.contents() == before
    assert clean.sql("SELECT 1 FROM pg_constraint WHERE conname = %s", NAME) == []


@pytest.mark.parametrize(
    ("stage", "why"), [("growth", "with an unknown spelling: 1;"), ("Seed", "known spelling that is not canonical: 1.")]
)
def test_enforce_refuses_unknown_or_messy_rows(clean: Application, stage: str, why: str) -> None:
    clean.add(COMPANIES, [(1, stage)])
    with pytest.raises(StagenormError, match=re.escape(why)) as caught:
        enforce_it(clean)
    assert "`stagenorm run`" in (caught.value.remedy or "")
    assert look(clean).state is EnforcementState.NONE
    assert record(clean) == []


def test_kept_spellings_are_allowed_by_bytes(clean: Application) -> None:
    odd = ["Debt", "it's 100% \\ {odd}\n%s", "Series D", "\U0001f600\u202e"]
    clean.add(COMPANIES, [(1, odd[1])])
    assert enforce_it(clean, leaving(*odd)).state is EnforcementState.ENFORCED
    clean.add(COMPANIES, [(1, spelling) for spelling in odd])
    for other in ("debt", odd[1] + " ", "Series E"):
        with pytest.raises(psycopg.errors.CheckViolation):
            clean.add(COMPANIES, [(1, other)])


def test_new_decisions_swap_the_constraint_without_a_gap(clean: Application) -> None:
    enforce_it(clean, leaving("Debt"))
    assert look(clean, leaving("Debt", "Grant")).state is EnforcementState.OTHER_VALUES
    assert enforce_it(clean, leaving("Debt", "Grant")).state is EnforcementState.ENFORCED
    clean.add(COMPANIES, [(1, "Grant")])
    assert record(clean) == ["added", "validated", "removed", "added", "validated"]
    # Dropped and added in one transaction, so no other session could write in between.
    moments = clean.column("SELECT done_at FROM stage_migration_enforcements ORDER BY enforcement_id")
    assert moments[2] == moments[3]
    with pytest.raises(StagenormError, match="not clean"):
        enforce_it(clean, leaving("Debt"))
    assert look(clean, leaving("Debt", "Grant")).state is EnforcementState.ENFORCED


def test_enforcing_again_does_nothing(clean: Application) -> None:
    enforce_it(clean)
    enforce_it(clean)
    assert look(clean).to_enforce == ()
    assert record(clean) == ["added", "validated"]


def test_half_done_constraint_is_finished(clean: Application) -> None:
    for statement in look(clean).to_enforce[:2]:
        clean.sql(statement)
    assert look(clean).state is EnforcementState.HALF_DONE
    assert len(look(clean).to_enforce) == 1
    assert enforce_it(clean).state is EnforcementState.ENFORCED
    assert record(clean) == ["validated"]


def test_constraint_can_be_removed(clean: Application) -> None:
    remove_enforcement(clean.database, look(clean), done_by="me", announce=ignore)
    enforce_it(clean)
    remove_enforcement(clean.database, look(clean), done_by="me", announce=ignore)
    assert look(clean).state is EnforcementState.NONE
    clean.add(COMPANIES, [(1, "Seed")])
    assert record(clean) == ["added", "validated", "removed"]


def test_violating_row_removes_the_new_constraint(clean: Application) -> None:
    found = look(clean)
    clean.add(COMPANIES, [(1, "Seed")])
    with pytest.raises(StagenormError, match="violates the constraint, so the constraint was removed again"):
        enforce(clean.database, found, done_by="me", announce=ignore)
    assert look(clean).state is EnforcementState.NONE
    assert record(clean) == ["added", "removed"]


def test_foreign_constraint_of_that_name_is_not_touched(clean: Application) -> None:
    clean.sql(f"ALTER TABLE {COMPANIES} ADD CONSTRAINT {NAME} CHECK (id > 0)")
    with pytest.raises(StagenormError, match="that stagenorm did not make"):
        enforce_it(clean)
    with pytest.raises(StagenormError, match="that stagenorm did not make"):
        remove_enforcement(clean.database, look(clean), done_by="me", announce=ignore)
    assert look(clean).to_remove == ()


def test_only_the_owner_can_enforce(clean: Application) -> None:
    """The error for any other role names the owner."""
    role = f"stagenorm_test_{secrets.token_hex(6)}"
    clean.sql(f"CREATE ROLE {role} LOGIN")
    try:
        clean.sql(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
        url = sa.make_url(clean.url).set(username=role).render_as_string(hide_password=False)
        other = Database.at(url)
        (found,) = read_enforcements(other, COMPANIES_ONLY, VOCABULARY)
        assert found.to_enforce
        with pytest.raises(RefusedError, match=f"Only its owner {found.owner} may change") as caught:
            enforce(other, found, done_by="me", announce=ignore)
        assert "have" in (caught.value.remedy or "")
        other.close()
    finally:
        clean.sql(f"DROP OWNED BY {role}")
        clean.sql(f"DROP ROLE {role}")


@pytest.mark.usefixtures("_short_waits", "user")
def test_table_in_use_is_given_up_with_its_holders(clean: Application) -> None:
    """The error names the sessions, and no other session waits behind the attempts."""
    clean.sql("SET lock_timeout = '20s'")
    written = []

    def write(error: str, attempt: int, wait_s: float) -> None:
        written.extend(clean.add(COMPANIES, [(1, "seed")]))

    with pytest.raises(StagenormError, match=r"in use at every attempt.*process \d+ of ") as caught:
        enforce(clean.database, look(clean), done_by="me", announce=write, bounds=HURRIED)
    assert "run the same command again" in (caught.value.remedy or "").lower()
    assert len(written) == 8
    assert record(clean) == []


@pytest.mark.usefixtures("_short_waits")
def test_queued_writer_continues_after_a_failed_attempt(
    clean: Application, user: psycopg.Connection[tuple[Any, ...]]
) -> None:
    # Long enough for the writer to queue behind us before the lock is free.
    patient = LockBounds(lock_timeout_ms=1_000)

    def write_when_we_wait() -> None:
        wait_for_a_waiting_session(clean)
        with psycopg.connect(clean.url, autocommit=True) as writer:
            writer.execute("INSERT INTO portfoliocompanies (fund_id, stage) VALUES (1, 'seed')")
        user.rollback()

    other = threading.Thread(target=write_when_we_wait)
    other.start()
    failed: list[str] = []
    enforce(clean.database, look(clean), done_by="me", announce=lambda error, *_: failed.append(error), bounds=patient)
    other.join()
    assert failed[0] == "canceling statement due to lock timeout"
    assert clean.value(f"SELECT count(*) FROM {COMPANIES}") == 3
    assert look(clean).state is EnforcementState.ENFORCED


def test_validation_blocks_no_reader_or_writer(clean: Application) -> None:
    for statement in look(clean).to_enforce[:2]:
        clean.sql(statement)
    with psycopg.connect(clean.url) as user:
        user.execute("UPDATE portfoliocompanies SET stage = 'seed' WHERE id = 2")
        assert enforce_it(clean).state is EnforcementState.ENFORCED


_COLUMNS = {
    "varchar": ("", "varchar(30)"),
    "char": ("", "char(10)"),
    "enum": (
        "CREATE TYPE stages AS ENUM ('pre-seed', 'seed', 'series-a', 'series-b', 'series-c', 'series-c+', 'Seed')",
        "stages",
    ),
    "domain": ("CREATE DOMAIN short AS varchar(20)", "short"),
    "no case by its type": (NO_CASE, "no_case"),
    "no case by its collation": (NO_CASE_COLLATION, "text COLLATE no_case"),
}


@pytest.mark.parametrize("kind", _COLUMNS)
def test_every_column_type_is_compared_by_bytes(clean: Application, kind: str) -> None:
    make, type_ = _COLUMNS[kind]
    try:
        clean.sql(make or "SELECT 1")
    except psycopg.errors.FeatureNotSupported:
        pytest.skip("this PostgreSQL has no ICU")
    clean.sql(f"CREATE TABLE odd (id integer PRIMARY KEY, stage {type_})")
    clean.sql("INSERT INTO odd VALUES (1, 'seed'), (2, NULL)")
    target = (TargetSetting(table="odd"),)
    assert enforce_it(clean, targets=target).state is EnforcementState.ENFORCED
    clean.sql("INSERT INTO odd VALUES (3, 'series-a'), (4, NULL)")
    with pytest.raises(psycopg.errors.CheckViolation):
        clean.sql("INSERT INTO odd VALUES (5, 'Seed')")


def test_partitioned_table_is_enforced_with_future_partitions(clean: Application) -> None:
    clean.sql("CREATE TABLE parts (id integer PRIMARY KEY, stage text) PARTITION BY RANGE (id)")
    clean.sql("CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10)")
    clean.sql("INSERT INTO parts VALUES (1, 'seed')")
    assert enforce_it(clean, targets=(TargetSetting(table="parts"),)).state is EnforcementState.ENFORCED
    clean.sql("CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (10) TO (20)")
    with pytest.raises(psycopg.errors.CheckViolation):
        clean.sql("INSERT INTO parts VALUES (11, 'Seed')")
    part = look(clean, targets=(TargetSetting(table="parts_1"),))
    assert (part.state, part.to_enforce, part.to_remove) == (EnforcementState.INHERITED, (), ())
    for change in (enforce, remove_enforcement):
        with pytest.raises(StagenormError, match="belongs to its parent table"):
            change(clean.database, part, done_by="me", announce=ignore)


@pytest.mark.usefixtures("_short_waits")
def test_partition_in_use_blocks_others_only_briefly(clean: Application) -> None:
    clean.sql("CREATE TABLE parts (id integer PRIMARY KEY, stage text) PARTITION BY RANGE (id)")
    clean.sql("CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10)")
    clean.sql("INSERT INTO parts VALUES (1, 'seed')")
    found = look(clean, targets=(TargetSetting(table="parts"),))
    with psycopg.connect(clean.url) as user:
        user.execute("SELECT * FROM parts_1")
        hurried = LockBounds(lock_timeout_ms=10_000, statement_timeout_ms=50)
        with pytest.raises(StagenormError, match=r"in use at every attempt.*process \d+"):
            enforce(clean.database, found, done_by="me", announce=ignore, bounds=hurried)
    assert record(clean) == []


def test_constraint_names_are_quoted_and_shortened(clean: Application) -> None:
    column = 'the "stage" of 100% ' + "\u00e9" * 20
    with clean.user.cursor() as cursor:
        name = sql.Identifier(column)
        cursor.execute(sql.SQL('CREATE TABLE "odd % names" (id integer PRIMARY KEY, {} text)').format(name))
    found = enforce_it(clean, targets=(TargetSetting(table="odd % names", column=column),))
    assert found.state is EnforcementState.ENFORCED
    assert len(found.constraint.encode()) <= 63


def test_enforced_table_passes_preflight_and_a_later_plan(clean: Application) -> None:
    enforce_it(clean, leaving("Debt"))
    clean.add(COMPANIES, [(1, "Debt")])
    findings = run_preflight(clean.database, COMPANIES_ONLY, stages=CANONICAL_STAGES)
    assert [finding for finding in findings if finding.check == "check_constraints"] == []
    decided = Vocabulary.with_decisions(Decisions(entries=(Decision(spelling="Debt", stage=Stage("seed")),)))
    clean.plan(vocabulary=decided, targets=COMPANIES_ONLY)
    assert clean.apply().rows.rows_updated == 1
    assert enforce_it(clean, decided).state is EnforcementState.ENFORCED


def test_two_stage_columns_have_one_constraint_each(clean: Application) -> None:
    clean.sql(f"ALTER TABLE {COMPANIES} ADD COLUMN first_stage text")
    both = (TargetSetting(table=COMPANIES), TargetSetting(table=COMPANIES, column="first_stage"))
    for found in read_enforcements(clean.database, both, VOCABULARY):
        enforce(clean.database, found, done_by="me", announce=ignore)
    assert clean.column("SELECT conname FROM pg_constraint WHERE conname LIKE 'stagenorm%%' ORDER BY 1") == [
        "stagenorm_first_stage_canonical",
        NAME,
    ]


def test_rollback_of_an_enforced_table_is_refused_with_a_remedy(clean: Application) -> None:
    """PostgreSQL would refuse the old spellings."""
    ids = clean.add(COMPANIES, [(1, "Seed")])
    plan = clean.run()
    request = RollbackRequest(plan_id=plan.plan_id)
    assert preview_rollback(clean.database, request).enforced == ()
    enforce_it(clean)
    assert preview_rollback(clean.database, request).enforced == ("public.portfoliocompanies.stage",)
    before = clean.contents()
    with pytest.raises(StagenormError, match="would refuse every old spelling") as caught:
        record_rollback(clean.database, request, created_by="me")
    assert "stagenorm enforce --remove --table public.portfoliocompanies --yes" in (caught.value.remedy or "")
    assert clean.contents() == before
    remove_enforcement(clean.database, look(clean), done_by="me", announce=ignore)
    clean.apply(plan_id=record_rollback(clean.database, request, created_by="me"))
    assert clean.stages(COMPANIES)[ids[0]] == "Seed"


def test_rollback_ignores_other_enforced_tables(clean: Application) -> None:
    clean.add(DEALS, [(1, "Seed")])
    plan = clean.run()
    enforce_it(clean)
    request = RollbackRequest(plan_id=plan.plan_id)
    assert preview_rollback(clean.database, request).enforced == ()
    assert clean.apply(plan_id=record_rollback(clean.database, request, created_by="me")).rows.rows_updated == 1
