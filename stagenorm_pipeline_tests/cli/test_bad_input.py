"""Test bad input: a clear error with a fix, the designed exit code, and no secret."""

import secrets
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from stagenorm_pipeline_tests.support.command_line import Ran, stagenorm, stagenorm_here

_SECRET = "s3cret-p@ss"  # noqa: S105 - what must never be shown


def _is_clear(ran: Ran) -> None:
    assert ran.err.startswith("Error: "), ran.all
    assert len(ran.err.strip().splitlines()) >= 2, "an error says what to do"
    assert "Traceback" not in ran.all
    assert "sqlalche.me" not in ran.all
    assert _SECRET not in ran.all
    assert "s3cret" not in ran.all


@pytest.mark.parametrize("command", ["init-db", "inventory", "dry-run", "run", "resume", "status", "verify", "pause"])
def test_missing_database_url_is_one_clear_error(command: str) -> None:
    ran = stagenorm_here(command)
    assert ran.code == 2
    assert "DATABASE_URL is not set" in ran.err
    _is_clear(ran)


@pytest.mark.parametrize("url", ["mysql://u:s3cret-p@ss@h/d", "s3cret-p@ss", "postgres//u:s3cret-p@ss@h", "http://x"])
def test_url_of_other_database_is_refused_and_not_shown(url: str) -> None:
    ran = stagenorm_here("status", url=url)
    assert ran.code == 2
    _is_clear(ran)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:s3cret-p%40ss@127.0.0.1:1/d",
        "postgres://u@127.0.0.1:1/d?password=s3cret-p%40ss",
        "postgresql://u:s3cret-p%40ss@no-such-host.invalid/d",
    ],
)
def test_unreachable_server_is_named_without_password(url: str) -> None:
    ran = stagenorm("status", url=url)
    assert ran.code == 1
    assert "No connection to d on" in ran.err
    _is_clear(ran)


def test_missing_database_is_named(database_url: str) -> None:
    missing = sa.make_url(database_url).set(database="no_such_database").render_as_string(hide_password=False)
    ran = stagenorm_here("status", url=missing)
    assert ran.code == 1
    assert "no_such_database" in ran.err
    _is_clear(ran)


@pytest.mark.parametrize("command", [("run", "--yes"), ("resume",), ("status",), ("verify",), ("pause",)])
def test_missing_migration_is_named_with_its_fix(application_url: str, command: tuple[str, ...]) -> None:
    ran = stagenorm_here(*command, url=application_url)
    assert ran.code == 1
    assert "20251030_stage_migration_tracking.sql" in ran.err
    assert "stagenorm init-db" in ran.err
    _is_clear(ran)


@pytest.mark.parametrize("command", ["inventory", "dry-run"])
def test_read_only_commands_work_without_migrations(application_url: str, command: str) -> None:
    ran = stagenorm_here(command, url=application_url)
    assert ran.code == 0
    assert "20251030_stage_migration_tracking.sql" in ran.err
    assert "stagenorm init-db" in ran.err


@pytest.mark.parametrize("command", ["inventory", "dry-run"])
def test_missing_table_is_named(database_url: str, command: str) -> None:
    ran = stagenorm_here(command, url=database_url)
    assert ran.code == 1
    assert "Error: The table portfoliocompanies does not exist" in ran.err
    assert "Traceback" not in ran.all


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("dry-run", "--fund-id", "1", "--no-fund"), "--no-fund"),
        (("dry-run", "--table", "nonsense"), "nonsense"),
        (("dry-run", "--batch-size", "0"), "batch size of 0"),
        (("run", "--plan", "1", "--batch-size", "5"), "--plan"),
        (("rollback",), "needs a condition"),
        (("verify", "--output", "no/such/directory/report.json"), "no/such/directory"),
    ],
)
def test_contradicting_arguments_exit_with_2(application_url: str, arguments: tuple[str, ...], named: str) -> None:
    ran = stagenorm_here(*arguments, url=application_url)
    assert ran.code == 2
    assert named in ran.err
    _is_clear(ran)


@pytest.mark.parametrize("arguments", [("dry-run", "--batch-size", "many"), ("run", "--sleep-ms", "-1"), ("nonsense",)])
def test_arguments_of_the_wrong_type_exit_with_2(arguments: tuple[str, ...]) -> None:
    ran = stagenorm_here(*arguments, url="postgresql://u@h/d")
    assert ran.code == 2
    assert "Usage:" in ran.err


def test_missing_plan_is_named(ready_url: str) -> None:
    ran = stagenorm_here("run", "--plan", "99", url=ready_url)
    assert ran.code == 1
    assert "no plan 99" in ran.err
    _is_clear(ran)


def test_broken_decisions_file_is_named_with_its_line(application_url: str, tmp_path: Path) -> None:
    (tmp_path / "stage_decisions.yaml").write_text('- spelling: "Seed Round"\n  stage: series-z\n')
    ran = stagenorm_here("dry-run", url=application_url, directory=tmp_path)
    assert ran.code == 2
    assert "stage_decisions.yaml:2" in ran.err
    assert "Traceback" not in ran.all


def test_configuration_file_with_wrong_key_is_named(application_url: str, tmp_path: Path) -> None:
    (tmp_path / "stagenorm.toml").write_text('[[target]]\ntabel = "x"\n')
    ran = stagenorm_here("dry-run", url=application_url, directory=tmp_path)
    assert ran.code == 2
    assert "tabel" in ran.err
    _is_clear(ran)


def test_missing_privileges_are_named(application_url: str) -> None:
    with psycopg.connect(application_url, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS stagenorm_test_nobody")
        connection.execute("CREATE ROLE stagenorm_test_nobody LOGIN")
    try:
        poor = sa.make_url(application_url).set(username="stagenorm_test_nobody")
        ran = stagenorm_here("dry-run", url=poor.render_as_string(hide_password=False))
        assert ran.code == 1
        assert "permission denied" in ran.err
        assert "Traceback" not in ran.all
    finally:
        with psycopg.connect(application_url, autocommit=True) as connection:
            connection.execute("DROP ROLE stagenorm_test_nobody")


@pytest.mark.parametrize(
    "arguments", [("verify",), ("backup",), ("enforce", "--yes"), ("rollback", "--plan", "1", "--yes"), ("pause",)]
)
def test_read_only_server_is_named_before_tables_are_read(ready_url: str, arguments: tuple[str, ...]) -> None:
    with psycopg.connect(ready_url, autocommit=True) as connection:
        for setting in ("default_transaction_read_only = on", "lock_timeout = '2s'"):
            connection.execute(f'ALTER DATABASE "{connection.info.dbname}" SET {setting}')
        with connection.transaction():
            # Who reads them says so, and not what is wrong with the server.
            connection.execute("LOCK TABLE portfoliocompanies, deal_opportunities, stage_normalization_log")
            ran = stagenorm_here(*arguments, url=ready_url)
    assert (ran.code, ran.out) == (1, "")
    assert "read-only" in ran.err
    _is_clear(ran)


def test_tenant_gets_no_verdict_and_the_policy_is_named(ready_url: str) -> None:
    assert stagenorm_here("run", "--yes", "--sleep-ms", "0", url=ready_url).code == 0
    tenant = f"stagenorm_test_{secrets.token_hex(6)}"
    with psycopg.connect(ready_url, autocommit=True) as owner:
        owner.execute(f"CREATE ROLE {tenant} LOGIN".encode())
        owner.execute(f"GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO {tenant}".encode())
        owner.execute(b"ALTER TABLE portfoliocompanies ENABLE ROW LEVEL SECURITY")
        owner.execute(b"CREATE POLICY own_fund ON portfoliocompanies USING (fund_id = 1)")
        try:
            url = sa.make_url(ready_url).set(username=tenant).render_as_string(hide_password=False)
            for arguments in (("inventory",), ("dry-run",), ("verify",), ("rollback", "--plan", "1", "--yes")):
                ran = stagenorm_here(*arguments, url=url)
                assert (ran.code, tenant in ran.err, "own_fund" in ran.err) == (1, True, True), ran.all
                assert "BYPASSRLS" in ran.err
                _is_clear(ran)
        finally:
            owner.execute(f"DROP OWNED BY {tenant}".encode())
            owner.execute(f"DROP ROLE {tenant}".encode())
