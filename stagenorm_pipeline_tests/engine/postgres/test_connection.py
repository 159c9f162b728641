"""Connecting: every form of URL that people paste, errors without a password, and a snapshot that cannot write."""

from urllib.parse import quote

import psycopg
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError

from stagenorm_pipeline.config.database_url import describe, parse_database_url
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.errors import ConfigurationError, ConnectionFailedError, RefusedError, StagenormError
from stagenorm_pipeline_tests.support.application import COMPANIES, Application

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
        "postgresql://u:p@s3cret?1@h/d",
        "postgresql://h:5432/db?password=p@s3cret",
    ],
)
def test_wrong_url_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(ConfigurationError, match="postgresql://USER:PASSWORD@HOST:5432/DATABASE") as caught:
        Database.at(text)
    assert "s3cret" not in str(caught.value)


def test_unknown_url_option_is_named() -> None:
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
def test_connection_error_hides_the_password(url: str, secrets: list[str]) -> None:
    message = message_of_failing_at(url)
    assert "db on " in message
    assert [secret for secret in secrets if secret in message] == []


_ANY_PASSWORD = st.text(alphabet="aZ09 :/?#[]@!$&'()*+,;=%~|\\^`{}<>\".-_\u00e9", min_size=4, max_size=16)


@settings(max_examples=300, deadline=None)
@given(password=_ANY_PASSWORD, form=st.sampled_from(["u:{}@{}/db", "u:{}@{}", "{}@{}/db", "u@{1}/db?password={0}"]))
def test_no_part_of_an_unencoded_password_is_shown(password: str, form: str) -> None:
    # Named so that no four characters of a password can be those of the host.
    url = "postgresql://" + form.format(password, "h.invalid:1,h.invalid:2")
    try:
        shown = describe(parse_database_url(url))
    except ConfigurationError as error:
        shown = f"{error} {error.remedy} {error.__cause__}"
    public = {"db on h.invalid:1,h.invalid:2", "u on h.invalid:1,h.invalid:2"}
    user = form.startswith("{}") and password.partition(":")[0]
    parts = {password[i : i + 4] for i in range(len(password) - 3)}
    leaked = {part for part in parts if part in shown and not any(part in text for text in public)}
    assert not leaked or (user and all(part in user for part in leaked)), shown


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("postgresql://u:p@h1:1,h2:2/db?target_session_attrs=read-write", "h1,h2", "1,2"),
        ("postgresql://h1:1,h2/db", "h1,h2", "1,"),
        ("postgresql://u@h1,h2", "h1,h2", ","),
        ("postgresql://u@[::1]:5433,h2:2/db", "::1,h2", "5433,2"),
        ("postgresql://u@/db?host=h1,h2&port=1,2", "h1,h2", "1,2"),
    ],
)
def test_several_hosts_are_read_as_psql_reads_them(text: str, host: str, port: str) -> None:
    url = parse_database_url(text)
    _, options = url.get_dialect()().create_connect_args(url)
    assert options["host"] == host
    assert options.get("port") == port
    assert options.get("target_session_attrs") == url.query.get("target_session_attrs")


def test_several_hosts_are_named_with_their_ports() -> None:
    assert Database.at("postgresql://u:s3cret@h1:1,h2/crm").name == "crm on h1:1,h2"


def test_dead_host_is_skipped_for_the_writable_one(database_url: str) -> None:
    live = sa.make_url(database_url)
    host, port = live.host or str(live.query["host"]), live.port or live.query.get("port") or 5432
    user = f"{live.username}:{live.password}@" if live.password else f"{live.username}@"
    url = f"postgresql://{user}{NOBODY},{quote(host, safe='')}:{port}/{live.database}?target_session_attrs=read-write"
    psycopg.connect(url).close()  # libpq accepts the same text
    database = Database.at(url)
    with database.transaction() as connection:
        assert connection.exec_driver_sql("SELECT current_database()").scalar_one() == live.database
    database.close()


def test_missing_database_is_named(database_url: str) -> None:
    url = sa.make_url(database_url).set(database="nowhere_to_be_found")
    message = message_of_failing_at(url.render_as_string(hide_password=False))
    assert 'database "nowhere_to_be_found" does not exist' in message


def test_database_name_has_no_password() -> None:
    assert Database.at("postgres://u:s3cret@db.example:6432/crm").name == "crm on db.example:6432"


def test_missing_privilege_is_named(application: Application) -> None:
    # A role that every server has, and that may read nothing here.
    with pytest.raises(RefusedError, match="permission denied for table portfoliocompanies") as caught:
        ask(application.database, "SET LOCAL ROLE pg_monitor", "SELECT * FROM portfoliocompanies")
    assert caught.value.remedy


def test_postgresql_refuses_writes_in_a_snapshot(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")])
    before = application.contents()
    for statement in ("UPDATE portfoliocompanies SET stage = 'seed'", "CREATE TABLE ours ()", "SELECT nextval('s')"):
        application.sql("CREATE SEQUENCE IF NOT EXISTS s")
        with pytest.raises(DBAPIError) as caught, application.database.snapshot() as connection:
            connection.exec_driver_sql(statement)
        assert isinstance(caught.value.orig, psycopg.errors.ReadOnlySqlTransaction)
    assert application.contents() == before


def test_snapshot_does_not_see_later_commits(application: Application) -> None:
    count = "SELECT count(*) FROM portfoliocompanies"
    with application.database.snapshot() as connection:
        assert connection.exec_driver_sql(count).scalar_one() == 0
        application.add(COMPANIES, [(1, "seed")])
        assert connection.exec_driver_sql(count).scalar_one() == 0
    with application.database.snapshot() as connection:
        assert connection.exec_driver_sql(count).scalar_one() == 1


@pytest.mark.parametrize("default", ["repeatable read", "serializable"])
def test_transaction_is_read_committed_despite_other_default(bare: Application, default: str) -> None:
    # Under its default the status of a batch would be read as it was before the batch's lock was had.
    name = bare.value("SELECT current_database()")
    bare.sql(f"ALTER DATABASE {name} SET default_transaction_isolation = '{default}'")
    with bare.database.transaction() as connection:
        assert connection.exec_driver_sql("SHOW transaction_isolation").scalar_one() == "read committed"
    with bare.database.snapshot() as connection:
        assert connection.exec_driver_sql("SHOW transaction_isolation").scalar_one() == "repeatable read"


def test_failed_transaction_leaves_nothing(application: Application) -> None:
    with pytest.raises(DBAPIError):
        ask(application.database, "INSERT INTO portfoliocompanies (stage) VALUES ('seed')", "SELECT 1 / 0")
    assert application.stages(COMPANIES) == {}


def settings_of_pooled_connections(database: Database) -> list[list[tuple[str, str]]]:
    query = "SELECT name, setting FROM pg_settings WHERE NOT starts_with(name, 'plpgsql') ORDER BY name"
    with database.engine.connect() as one, database.engine.connect() as other:
        return [[tuple(row) for row in connection.exec_driver_sql(query)] for connection in (one, other)]


def test_settings_end_with_their_transaction(application: Application) -> None:
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


def test_lost_connection_error_says_to_run_the_command_again(database: Database) -> None:
    with pytest.raises(ConnectionFailedError, match="run the same command again"):
        ask(database, "SELECT pg_terminate_backend(pg_backend_pid())")
