"""Run the commands of docs/recover.md against a real server."""

import os
import subprocess
from pathlib import Path

import psycopg

from stagenorm_pipeline.local.server_files import binaries
from stagenorm_pipeline_tests.support.command_line import stagenorm_here
from stagenorm_pipeline_tests.support.documented_commands import fences

_GUIDE = Path(__file__).parents[2] / "docs" / "recover.md"
_FILE_OF_THE_GUIDE = "/backups/stages.sql.gz"


def _run(command: list[str], url: str, text: str | None = None) -> str:
    environment = {"PATH": f"{binaries()}:{os.environ['PATH']}", "DATABASE_URL": url}
    ran = subprocess.run(command, input=text, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def _blocks() -> list[tuple[str, str]]:
    """The commands of the guide's section, in their order: bash or sql, and the text."""
    return [(fence.language, fence.text) for fence in fences(_GUIDE) if fence.note.endswith("test_backup_guide.py")]


def test_documented_commands_load_a_backup(ready_url: str, tmp_path: Path) -> None:
    file = tmp_path / "stages.sql.gz"
    assert stagenorm_here("backup", "--output", str(file), url=ready_url).code == 0
    with psycopg.connect(ready_url) as connection:
        connection.execute("UPDATE portfoliocompanies SET stage = upper(stage) WHERE id = 5")
        connection.execute("ALTER TABLE portfoliocompanies ALTER COLUMN stage DROP NOT NULL")
        connection.execute("UPDATE portfoliocompanies SET stage = NULL WHERE id = 10")
        connection.execute("DELETE FROM portfoliocompanies WHERE id = 4")
        connection.execute("INSERT INTO portfoliocompanies (stage) VALUES ('new')")

    shown = []
    for language, text in _blocks():
        if language == "bash":
            script = text.replace(_FILE_OF_THE_GUIDE, str(file))
            shown.append(_run(["bash", "-e", "-o", "pipefail", "-c", script], ready_url))
        else:
            shown.append(_run(["psql", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", ready_url], ready_url, text))

    loaded, listed, dropped = shown
    checksum = _run(["bash", "-c", f"gunzip -c {file} | tail -n 1"], ready_url).split()[-1]
    assert loaded.splitlines()[0].split()[0] == checksum
    assert listed.splitlines() == ["5|1|Seed|SEED|f", "10|2|Seed||f", "4||Seed Round||t"]
    assert "DROP SCHEMA" in dropped
    with psycopg.connect(ready_url) as connection:
        left = connection.execute("SELECT count(*) FROM pg_class WHERE relname LIKE 'stagenorm%backup%'").fetchone()
    assert left == (0,)
