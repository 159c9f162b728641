"""Connecting: every form of URL that people paste, errors without a password, and a snapshot that cannot write."""

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from stagenorm_pipeline.engine.connection import Database, parse_database_url
from stagenorm_pipeline.engine.errors import ConfigurationError, ConnectionFailedError, RefusedError, StagenormError
from stagenorm_pipeline_tests.engine.application import COMPANIES, Application

# Nobody listens on port 1 of this machine.
NOBODY = "127.0.0.1:1"


def ask(database: Database, *statements: str) -> None:
    with database.transaction() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def message_of_failing_at(url: str) -> str:
    """Everything that a user would see of a failed connection."""
    with pytest.raises(StagenormError) as caught:
        ask(Database.at(url), "SELECT 1")
    return str(caught.value)


@pytest.mark.parametrize(
    "scheme", ["postgres", "postgresql", "postgresql+psycopg", "postgresql+psycopg2", "postgresql+asyncpg"]
)
def test_every_form_of_url_connects_with_our_driver(scheme: str, database_url: str) -> None:
    url = f"  {scheme}://{database_url.partition('://')[2]}\n"
    assert parse_database_url(url).drivername == "postgresql+psycopg"
    database = Database.at(url)
    with database.transaction() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar_one() == 1
    database.close()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "app",
        "mysql://u:s3cret@h/db",
        "sqlite:///s3cret.db",
        "https://u:s3cret@h/db",
        "host=localhost user=u password=s3cret dbname=db",
        "jdbc:postgresql://h/db?password=s3cret",
        "postgresql:/u:s3cret@h/db",
        "postgresql://u:s3cret@h:s3cret/db",
        # An @ in the password that nobody encoded: what follows it would be taken for the host, and shown as one.
        "postgresql://u:pass@s3cret@h/db",
        "postgresql://u:pass@/s3cret@h/db",
        "postgresql://u:pw@h/db?port=s3cret",
    ],
)
def test_what_is_no_postgresql_url_is_an_error_that_shows_the_form_and_not_the_text(text: str) -> None:
    with pytest.raises(ConfigurationError, match="postgresql://USER:PASSWORD@HOST:5432/DATABASE") as caught:
        Database.at(text)
    assert "s3cret" not in str(caught.value)


def test_an_option_that_postgresql_does_not_know_is_an_error_that_names_it() -> None:
    # Other tools put their own options there: ?schema=public, ?connection_limit=5.
    message = message_of_failing_at(f"postgresql://u:s3cret@{NOBODY}/db?connection_limit=5")
    assert "connection_limit" in message
    assert "s3cret" not in message


@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        (f"postgresql://u:s3cret@{NOBODY}/db", ["s3cret"]),
        (f"postgresql://u:p%40ss%2Fw%3Ard@{NOBODY}/db", ["p@ss/w:rd", "p%40ss%2Fw%3Ard"]),
        (f"postgresql://u:se/cr?et#1 :[x@{NOBODY}/db", ["se/cr?et#1 :[x", "cr?et", "et#1"]),
        (f"postgresql://u@{NOBODY}/db?password=s3cret", ["s3cret"]),
        (f"postgresql://u:s3cret@{NOBODY}/db?sslmode=s3cret", ["s3cret"]),
        (f"postgresql://u@{NOBODY}/db?password=s3cret&sslmode=s3cret", ["s3cret"]),
        ("postgresql://u:s3cret@nowhere.invalid/db", ["s3cret"]),
    ],
)
def test_an_unreachable_database_is_an_error_without_the_password(url: str, secrets: list[str]) -> None:
    message = message_of_failing_at(url)
    assert "db on " in message
    assert [secret for secret in secrets if secret in message] == []


def test_a_database_that_does_not_exist_is_an_error_that_names_it(database_url: str) -> None:
    url = sa.make_url(database_url).set(database="nowhere_to_be_found")
    message = message_of_failing_at(url.render_as_string(hide_password=False))
    assert 'database "nowhere_to_be_found" does not exist' in message


def test_a_database_is_named_for_people_without_its_password() -> None:
    assert Database.at("postgres://u:s3cret@db.example:6432/crm").name == "crm on db.example:6432"


def test_a_missing_privilege_is_an_error_that_says_what_was_refused(application: Application) -> None:
    # A role that every server has, and that may read nothing here.
    with pytest.raises(RefusedError, match="permission denied for table portfoliocompanies") as caught:
        ask(application.database, "SET LOCAL ROLE pg_monitor", "SELECT * FROM portfoliocompanies")
    assert caught.value.remedy


def test_postgresql_itself_refuses_to_write_in_a_snapshot(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")])
    before = application.contents()
    for statement in ("UPDATE portfoliocompanies SET stage = 'seed'", "CREATE TABLE ours ()", "SELECT nextval('s')"):
        application.sql("CREATE SEQUENCE IF NOT EXISTS s")
        with pytest.raises(DBAPIError) as caught, application.database.snapshot() as connection:
            connection.exec_driver_sql(statement)
        assert isinstance(caught.value.orig, psycopg.errors.ReadOnlySqlTransaction)
    assert application.contents() == before


def test_a_snapshot_does_not_see_what_is_committed_after_its_first_look(application: Application) -> None:
    count = "SELECT count(*) FROM portfoliocompanies"
    with application.database.snapshot() as connection:
        assert connection.exec_driver_sql(count).scalar_one() == 0
        application.add(COMPANIES, [(1, "seed")])
        assert connection.exec_driver_sql(count).scalar_one() == 0
    with application.database.snapshot() as connection:
        assert connection.exec_driver_sql(count).scalar_one() == 1


@pytest.mark.parametrize("default", ["repeatable read", "serializable"])
def test_a_transaction_is_read_committed_whatever_the_database_has_as_its_default(
    bare: Application, default: str
) -> None:
    # Under its default the status of a batch would be read as it was before the batch's lock was had.
    name = bare.value("SELECT current_database()")
    bare.sql(f"ALTER DATABASE {name} SET default_transaction_isolation = '{default}'")
    with bare.database.transaction() as connection:
        assert connection.exec_driver_sql("SHOW transaction_isolation").scalar_one() == "read committed"
    with bare.database.snapshot() as connection:
        assert connection.exec_driver_sql("SHOW transaction_isolation").scalar_one() == "repeatable read"


def test_a_transaction_that_fails_leaves_nothing(application: Application) -> None:
    with pytest.raises(DBAPIError):
        ask(application.database, "INSERT INTO portfoliocompanies (stage) VALUES ('seed')", "SELECT 1 / 0")
    assert application.stages(COMPANIES) == {}


def settings_of_pooled_connections(database: Database) -> list[list[tuple[str, str]]]:
    query = "SELECT name, setting FROM pg_settings WHERE NOT starts_with(name, 'plpgsql') ORDER BY name"
    with database.engine.connect() as one, database.engine.connect() as other:
        return [[tuple(row) for row in connection.exec_driver_sql(query)] for connection in (one, other)]


def test_no_setting_of_ours_outlives_its_transaction(application: Application) -> None:
    # A pooler in transaction mode hands the connection to somebody else next.
    before = settings_of_pooled_connections(application.database)
    application.add(COMPANIES, [(1, "Seed")])
    application.run()
    application.verify()
    assert settings_of_pooled_connections(application.database) == before


def test_no_statement_is_prepared_on_the_server(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")] * 20)
    application.run(batch_size=1)
    with application.database.transaction() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM pg_prepared_statements").scalar_one() == 0


def test_a_lost_connection_says_that_the_same_command_can_be_run_again(database: Database) -> None:
    with pytest.raises(ConnectionFailedError, match="run the same command again"):
        ask(database, "SELECT pg_terminate_backend(pg_backend_pid())")
