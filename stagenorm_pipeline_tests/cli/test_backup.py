"""Test `stagenorm backup`, and the reminder of `stagenorm run`.

Run in this process, for the most part: what is looked at is what comes back, not the start.
"""

import resource
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result

from stagenorm_pipeline.cli.main import main
from stagenorm_pipeline_tests.support.command_line import stagenorm_here


def _typed(url: str | None, *arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, env={"DATABASE_URL": url})


def test_backup_is_made_and_checked(ready_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = _typed(ready_url, "backup")
    assert made.exit_code == 0, made.output
    (file,) = tmp_path.iterdir()
    assert file.name.startswith("stagenorm-backup-")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "100 rows of public.portfoliocompanies.stage" in made.stdout
    assert f"Next: stagenorm backup verify {file.name}\n" in made.stdout

    checked = _typed(None, "backup", "verify", file.name)
    assert checked.exit_code == 0, "it needs no database"
    assert "Whole and undamaged." in checked.stdout


def test_second_backup_of_a_second_has_another_name(
    ready_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    taken = {
        f"stagenorm-backup-{datetime.now(UTC) + timedelta(seconds=later):%Y%m%dT%H%M%SZ}.sql.gz" for later in range(60)
    }
    for name in taken:
        (tmp_path / name).touch()
    made = _typed(ready_url, "backup")
    assert made.exit_code == 0, made.output
    (file,) = (one.name for one in tmp_path.iterdir() if one.name not in taken)
    assert file.replace("-2.sql.gz", ".sql.gz") in taken


def test_command_to_check_a_backup_is_not_broken(ready_url: str, tmp_path: Path) -> None:
    file = tmp_path / "in a directory whose name is long enough for a line of its own" / "backup.gz"
    file.parent.mkdir()
    made = stagenorm_here("backup", "--output", str(file), url=ready_url, columns=80)
    assert made.code == 0
    assert made.out.splitlines()[-2:] == ["Next:", f"  stagenorm backup verify '{file}'"]


def test_run_without_recent_backup_warns_and_continues(ready_url: str, tmp_path: Path) -> None:
    reminded = _typed(ready_url, "run", "--yes", "--fund-id", "1", "--sleep-ms", "0")
    assert reminded.exit_code == 0, reminded.output
    assert "[WARN] No recent backup of public.deal_opportunities.stage, public.portfoliocompanies" in reminded.stdout
    assert "Migration completed" in reminded.stdout
    _typed(ready_url, "backup", "--output", str(tmp_path / "b.gz"))
    assert "backup" not in _typed(ready_url, "run", "--yes", "--fund-id", "2", "--sleep-ms", "0").stdout


def test_backup_refuses_impossible_files(ready_url: str, tmp_path: Path) -> None:
    there = tmp_path / "there.gz"
    there.write_bytes(b"precious")
    for arguments, code, named in (
        (("backup", "--output", str(there)), 2, "there.gz exists already"),
        (("backup", "--output", str(tmp_path / "no" / "b.gz")), 2, "does not exist"),
        (("backup", "verify", str(there)), 1, "damaged or incomplete"),
        (("backup", "verify", str(tmp_path / "no.gz")), 2, "There is no file"),
        (("backup", "verify", str(tmp_path)), 2, "is a directory"),
    ):
        ran = _typed(ready_url, *arguments)
        assert (ran.exit_code, named in ran.stderr) == (code, True), ran.output
        assert len(ran.stderr.strip().splitlines()) == 2, "what is wrong, and what to do"
    assert there.read_bytes() == b"precious"


def test_backup_over_file_size_limit_leaves_no_file(ready_url: str, tmp_path: Path) -> None:
    with psycopg.connect(ready_url) as connection:
        connection.execute("INSERT INTO deal_opportunities (stage) SELECT md5(i::text) FROM generate_series(1, 9000) i")
    # In a process of its own, whose files may have 100,000 bytes: what a full disk is to the program.
    limited = subprocess.run(
        [sys.executable, "-m", "stagenorm_pipeline.cli.main", "backup", "--output", str(tmp_path / "b.gz")],
        # Without bytecode: Python would leave files of it that are cut off, and fail to read them later.
        env={"DATABASE_URL": ready_url, "PYTHONDONTWRITEBYTECODE": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert limited.returncode == 1
    assert "b.gz cannot be written: File too large." in limited.stderr
    assert len(limited.stderr.splitlines()) == 2, limited.stderr
    assert list(tmp_path.iterdir()) == []
