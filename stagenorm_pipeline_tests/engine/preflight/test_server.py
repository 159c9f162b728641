"""What preflight says of the server, the database and who else is at work there."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from stagenorm_pipeline.config.configuration import DEFAULT_TARGETS
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.preflight import PreflightCheck, PreflightLevel, run_preflight
from stagenorm_pipeline.engine.preflight.checks import (
    open_transactions,
    prepared_transactions,
    server_version,
    xmin_horizon,
)
from stagenorm_pipeline.engine.preflight.server_facts import Server, read_server
from stagenorm_pipeline.errors import ConfigurationError, ConnectionFailedError
from stagenorm_pipeline_tests.support.application import Application
from stagenorm_pipeline_tests.support.preflight_advice import COMPANIES, ask, ask_for_one, follow
from stagenorm_pipeline_tests.support.private_server import PrivateServer
from stagenorm_pipeline_tests.support.spellings import CANONICAL_STAGES


@pytest.fixture(scope="module")
def private_server() -> Iterator[PrivateServer]:
    """A server that a test may set up anew and restart."""
    with PrivateServer() as started:
        yield started


@pytest.fixture
def server(application: Application) -> Server:
    with application.database.snapshot() as connection:
        return read_server(connection)


def test_server_that_is_too_old_is_an_error(server: Server) -> None:
    for number in (96_024, 139_999):
        (finding,) = server_version.check(replace(server, version_number=number, version="old"))

        assert finding.level is PreflightLevel.ERROR
        assert "PostgreSQL old" in finding.message
    for number in (140_000, 180_004):
        assert list(server_version.check(replace(server, version_number=number))) == []


@pytest.mark.parametrize(
    ("encoding", "level"), [("SQL_ASCII", PreflightLevel.ERROR), ("LATIN1", PreflightLevel.WARNING)]
)
def test_database_without_unicode_is_reported(postgres_server_url: str, encoding: str, level: PreflightLevel) -> None:
    name = f"stagenorm_preflight_{encoding.lower()}"
    with psycopg.connect(postgres_server_url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'".encode())
        try:
            database = Database.at(sa.make_url(postgres_server_url).set(database=name, drivername="postgresql+psycopg"))
            findings = run_preflight(database, (), stages=CANONICAL_STAGES)
            database.close()
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())

    (finding,) = [finding for finding in findings if finding.check is PreflightCheck.SERVER_ENCODING]
    assert finding.level is level
    assert encoding in finding.message


def test_read_only_database_is_an_error_and_the_remedy_fixes_it(
    application: Application,
) -> None:
    database = application.value("SELECT current_database()")
    application.sql(f"ALTER DATABASE {database} SET default_transaction_read_only = on")

    finding = ask_for_one(application, PreflightCheck.READ_ONLY_SERVER)

    assert finding.level is PreflightLevel.ERROR
    follow(application, finding)
    assert ask(application) == []


def test_dagster_storage_in_the_same_database_is_an_error(application: Application) -> None:
    url = sa.make_url(application.url)
    spelled_otherwise = url.set(drivername="postgresql+psycopg2", username="dagster").render_as_string(False)

    finding = ask_for_one(application, PreflightCheck.DAGSTER_STORAGE, dagster_url=spelled_otherwise)

    assert finding.level is PreflightLevel.ERROR


def test_dagster_storage_in_another_database_is_fine(application: Application) -> None:
    url = sa.make_url(application.url).set(database="dagster").render_as_string(False)

    assert ask(application, dagster_url=url) == []


def test_dagster_tables_in_the_application_database_are_a_warning(application: Application) -> None:
    application.sql("CREATE SCHEMA tools")
    application.sql("CREATE TABLE tools.runs (run_id varchar, run_body text)")
    application.sql("CREATE TABLE tools.event_logs (run_id varchar, event text, dagster_event_type text)")

    finding = ask_for_one(application, PreflightCheck.DAGSTER_STORAGE)

    assert finding.level is PreflightLevel.WARNING
    assert "tools" in finding.message


def test_application_table_named_runs_is_not_dagsters(application: Application) -> None:
    application.sql("CREATE TABLE runs (id integer)")
    application.sql("CREATE TABLE event_logs (id integer)")

    assert ask(application) == []


def test_invalid_dagster_url_is_a_configuration_error(application: Application) -> None:
    with pytest.raises(ConfigurationError):
        ask(application, dagster_url="sqlite:///secret")


def test_hidden_replica_lag_is_reported_and_the_remedy_shows_it(
    application: Application, new_role: Callable[..., str], url_of: Callable[[str], str]
) -> None:
    role = new_role()
    assert ask(application, PreflightCheck.REPLICA_LAG, url=url_of(role)) == []

    # To pg_stat_replication, a session with a replication connection is a replica.
    with psycopg.connect(application.url, replication="true", autocommit=True):
        finding = ask_for_one(application, PreflightCheck.REPLICA_LAG, url=url_of(role))
        assert finding.level is PreflightLevel.INFO
        follow(application, finding)
        assert ask(application, PreflightCheck.REPLICA_LAG, url=url_of(role)) == []


def test_long_open_transaction_is_a_warning(application: Application) -> None:
    with psycopg.connect(application.url) as other, application.database.snapshot() as connection:
        other.execute("SELECT 'a secret'")

        (finding,) = open_transactions.check(connection, older_than_s=0)

        assert finding.level is PreflightLevel.WARNING
        assert f"Session {other.info.backend_pid} of" in finding.message
        assert "secret" not in finding.message
        assert list(open_transactions.check(connection)) == []


def test_session_that_holds_the_xmin_horizon_is_a_warning(application: Application) -> None:
    with psycopg.connect(application.url) as other, application.database.snapshot() as connection:
        other.execute("SELECT pg_current_xact_id()")

        (finding,) = xmin_horizon.check(connection, older_than_s=0)

        assert finding.level is PreflightLevel.WARNING
        assert f"Session {other.info.backend_pid} of" in finding.message
        assert list(xmin_horizon.check(connection)) == []


def test_hidden_transactions_of_other_roles_are_reported(
    application: Application, new_role: Callable[..., str], url_of: Callable[[str], str]
) -> None:
    role = new_role()

    finding = ask_for_one(application, PreflightCheck.OPEN_TRANSACTIONS, url=url_of(role))

    assert finding.level is PreflightLevel.INFO
    application.sql(f"GRANT pg_monitor TO {role}")
    assert ask(application, PreflightCheck.OPEN_TRANSACTIONS, url=url_of(role)) == []


def test_forgotten_prepared_transaction_is_a_warning(private_server: PrivateServer) -> None:
    _set_up_anew(private_server, "ALTER SYSTEM SET max_prepared_transactions = 2")
    application = Application(private_server.create_database())
    for statement in ("BEGIN", "CREATE TABLE half_done ()", "PREPARE TRANSACTION 'order''s 7'"):
        application.sql(statement)

    with application.database.snapshot() as connection:
        (finding,) = prepared_transactions.check(connection, older_than_s=0)
        assert list(prepared_transactions.check(connection)) == []

    assert finding.level is PreflightLevel.WARNING
    assert "order's 7" in finding.message
    follow(application, finding)
    with application.database.snapshot() as connection:
        assert list(prepared_transactions.check(connection, older_than_s=0)) == []
    application.close()


def test_standby_is_an_error(private_server: PrivateServer) -> None:
    application = Application(private_server.create_database())
    application.set_up()
    application.close()
    Path(private_server.directory, "standby.signal").touch()
    _set_up_anew(private_server)
    standby = Application(application.url)

    findings = ask(standby, targets=[COMPANIES])

    standby.close()
    assert [(finding.check, finding.level) for finding in findings] == [
        (PreflightCheck.READ_ONLY_SERVER, PreflightLevel.ERROR)
    ]
    assert "standby" in findings[0].message


def _set_up_anew(server: PrivateServer, *settings: str) -> None:
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        for setting in settings:
            connection.execute(setting.encode())
        connection.execute("CHECKPOINT")
    server.stop_immediately()
    server.start()


def test_backend_terminated_during_a_trial_is_a_lost_connection(application: Application) -> None:
    waiting = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    with psycopg.connect(application.url) as blocker, ThreadPoolExecutor(1) as pool:
        blocker.execute(b"LOCK TABLE portfoliocompanies")
        preflight = pool.submit(run_preflight, application.database, DEFAULT_TARGETS, stages=CANONICAL_STAGES)
        while not application.sql(waiting) and not preflight.done():
            time.sleep(0.01)
        with pytest.raises(ConnectionFailedError, match="No connection to"):
            preflight.result(timeout=30)
