"""Test the names of funds and tables, and the errors for unknown ones."""

from pathlib import Path

import psycopg
import pytest

from stagenorm_pipeline_tests.support.command_line import stagenorm_here

_COMMANDS = [("verify",), ("run", "--yes"), ("dry-run",), ("resume",), ("rollback",), ("inventory",)]


def test_missing_fund_is_refused(ready_url: str) -> None:
    for number, command in enumerate(_COMMANDS):
        name = ("99", "fund-99")[number % 2]
        ran = stagenorm_here(*command, "--fund-id", name, url=ready_url)
        assert ran.code == 2, ran.all
        assert f"The fund '{name}' is neither in" in ran.err
        assert "stagenorm inventory" in ran.err
        assert ran.out == "" or command[0] in ("run", "resume")  # those show what pre-flight found


def test_fund_is_named_by_id_or_key(ready_url: str) -> None:
    by_id, by_key = (stagenorm_here("dry-run", "--fund-id", name, url=ready_url) for name in ("1", "fund-1"))
    assert by_id.code == by_key.code == 0
    assert by_key.out.replace("--fund-id fund-1", "--fund-id 1") == by_id.out
    assert stagenorm_here("run", "--yes", "--fund-id", "fund-1", "--sleep-ms", "0", url=ready_url).code == 0
    assert stagenorm_here("resume", "--fund-id", "fund-1", url=ready_url).code == 0
    assert "fund-1" in stagenorm_here("verify", "--fund-id", "fund-1", url=ready_url).out
    assert "fund-1" in stagenorm_here("rollback", "--fund-id", "fund-1", url=ready_url).out


def test_mistyped_fund_suggests_the_closest(ready_url: str) -> None:
    with psycopg.connect(ready_url) as user:
        user.execute("INSERT INTO portfoliocompanies (fund_id, name, stage) VALUES (12345, 'one', 'Seed')")
    assert "Did you mean 12345?" in stagenorm_here("verify", "--fund-id", "12354", url=ready_url).err


def test_fund_of_a_plan_without_rows_exists(ready_url: str) -> None:
    assert stagenorm_here("run", "--yes", "--sleep-ms", "0", url=ready_url).code == 0
    with psycopg.connect(ready_url) as user:
        user.execute("UPDATE portfoliocompanies SET fund_id = 2 WHERE fund_id = 1")
        user.execute("UPDATE deal_opportunities SET fund_id = 2 WHERE fund_id = 1")
    assert stagenorm_here("rollback", "--fund-id", "1", url=ready_url).code == 0


def test_fund_id_that_looks_like_a_key_wins(ready_url: str) -> None:
    with psycopg.connect(ready_url) as user:
        user.execute("ALTER TABLE portfoliocompanies ALTER fund_id TYPE text")
        user.execute("INSERT INTO portfoliocompanies (fund_id, name, stage) VALUES ('fund-1', 'one', 'Seed')")
    ran = stagenorm_here("run", "--yes", "--fund-id", "fund-1", "--sleep-ms", "0", url=ready_url)
    assert ran.code == 0, ran.all
    with psycopg.connect(ready_url) as user:
        assert user.execute("SELECT DISTINCT fund_id FROM stage_normalization_log").fetchall() == [("fund-1",)]


def test_no_fund_without_rows_is_no_error(ready_url: str) -> None:
    with psycopg.connect(ready_url) as user:
        user.execute("UPDATE portfoliocompanies SET fund_id = 1")
        user.execute("UPDATE deal_opportunities SET fund_id = 1")
    ran = stagenorm_here("dry-run", "--no-fund", url=ready_url)
    assert (ran.code, ran.err.splitlines()[-1]) == (0, "There are no rows without a fund.")


def test_table_is_named_with_or_without_schema_and_column(
    ready_url: str, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    commands = [*_COMMANDS, ("preflight",), ("enforce", "--remove"), ("decisions",), ("backup", "--output", "b.gz")]
    names = ("public.portfoliocompanies.stage", "public.portfoliocompanies", "portfoliocompanies.stage")
    # Each form of the name for one command, and each command with one form.
    asked = [(commands[0], names[0]), *((command, names[i % 3]) for i, command in enumerate(commands, start=1))]
    for command, name in asked:
        with subtests.test(command=command, name=name):
            ran = stagenorm_here(*command, "--table", name, url=ready_url, directory=tmp_path)
            # At first nothing is migrated, which the verification says of this table alone.
            assert ran.code in ((0, 1) if command == ("verify",) else (0,)), ran.all
            assert "deal_opportunities" not in ran.out
