"""Test `stagenorm rollback`. Runs in this process: starting the program is not what is tested."""

import json

import psycopg
import pytest
from click.testing import CliRunner, Result

from stagenorm_pipeline.cli.main import main


def _typed(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, env={"DATABASE_URL": url})


def _changes(url: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(
            "SELECT action, count(*) FROM stage_normalization_log GROUP BY 1 ORDER BY 1"
        ).fetchall()


def test_rollback_since_undoes_one_table(migrated_url: str) -> None:
    for arguments, code, named in (
        (("--plan", "99"), 1, "There is no plan 99"),
        (("--batch", "99"), 1, "There is no batch 99"),
        (("--since", "2099-01-01T00:00Z"), 2, "is in the future"),
    ):
        ran = _typed(migrated_url, "rollback", *arguments, "--yes")
        assert (ran.exit_code, named in ran.stderr) == (code, True), ran.output
    asked = ("rollback", "--since", "2025-10-30 00:00:00+00", "--table", "portfoliocompanies")
    shown = _typed(migrated_url, *asked)
    assert shown.exit_code == 0
    assert "60 still hold what stagenorm wrote: would be restored" in shown.stdout
    assert "Nothing was changed. Add --yes" in shown.stdout
    assert _changes(migrated_url) == [("normalize", 70)]
    done = _typed(migrated_url, *asked, "--yes", "--sleep-ms", "0", "--batch-size", "7")
    assert done.exit_code == 0, done.output
    assert _changes(migrated_url) == [("normalize", 70), ("rollback", 60)]


def test_rollback_of_one_fund_lists_rows_left(migrated_url: str) -> None:
    with psycopg.connect(migrated_url) as connection:
        connection.execute("UPDATE portfoliocompanies SET stage = E'gro\\nwth' WHERE id = 5")
    preview = json.loads(_typed(migrated_url, "rollback", "--fund-id", "1", "--json").stdout)
    assert (preview["rows_left"], preview["rows_by_state"]["changed"]) == (1, 1)
    (left,) = _typed(migrated_url, "rollback", "--fund-id", "1", "--left").stdout.splitlines()
    row = json.loads(left)
    assert (row["row_id"], row["state"], row["now"], row["restore"]) == ("5", "changed", "gro\nwth", "Seed")
    assert _typed(migrated_url, "rollback", "--fund-id", "1", "--yes", "--sleep-ms", "0").exit_code == 0
    part = _typed(migrated_url, "rollback", "--plan", "1", "--no-fund", "--yes", "--sleep-ms", "0")
    assert "Plan 1 stays completed: some of its changes were not rolled back." in part.stdout
    rest = _typed(migrated_url, "rollback", "--plan", "1", "--yes", "--sleep-ms", "0")
    assert rest.exit_code == 0
    assert _changes(migrated_url) == [("normalize", 70), ("rollback", 69)]
    assert "1 were changed by another session since: left" in rest.stdout
    assert "Plan 1 is rolled_back" in rest.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "named"),
    [
        ((), 2, "needs a condition"),
        (("--since", "2025-10-30 00:00:00"), 2, "no time zone"),
        (("--since", "soon"), 2, "not a valid time"),
        (("--plan", "1", "--json", "--yes"), 2, "only show"),
        (("--plan", "1", "--batch-size", "0"), 2, "batch size of 0"),
    ],
)
def test_rollback_names_contradicting_arguments(arguments: tuple[str, ...], code: int, named: str) -> None:
    ran = _typed("postgresql://u@127.0.0.1:1/d", "rollback", *arguments)
    assert (ran.exit_code, named in ran.stderr) == (code, True), ran.output


def test_rollback_restores_only_to_what_a_user_wrote_between_runs(migrated_url: str) -> None:
    with psycopg.connect(migrated_url) as connection:
        connection.execute("UPDATE portfoliocompanies SET stage = 'Series B' WHERE id <= 3")
    assert _typed(migrated_url, "run", "--yes", "--sleep-ms", "0").exit_code == 0
    done = _typed(migrated_url, "rollback", "--table", "portfoliocompanies", "--yes", "--sleep-ms", "0")
    assert done.exit_code == 0, done.output
    with psycopg.connect(migrated_url) as connection:
        stages = connection.execute("SELECT DISTINCT stage FROM portfoliocompanies WHERE id <= 3").fetchall()
    assert stages == [("Series B",)]


def test_only_untouched_leaves_rows_that_another_session_wrote_again(migrated_url: str) -> None:
    with psycopg.connect(migrated_url) as connection:
        connection.execute("UPDATE portfoliocompanies SET name = 'renamed' WHERE id = 5")
    asked = ("rollback", "--table", "portfoliocompanies", "--only-untouched")
    preview = json.loads(_typed(migrated_url, *asked, "--json").stdout)
    assert (preview["rows_left"], preview["rows_by_state"]["touched"]) == (1, 1)
    assert _typed(migrated_url, *asked, "--yes", "--sleep-ms", "0").exit_code == 0
    assert _changes(migrated_url) == [("normalize", 70), ("rollback", 59)]
