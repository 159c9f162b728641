"""Run every command once, from an empty database to a sign-off and a rollback."""

import json
from pathlib import Path

from stagenorm_pipeline_tests.support.command_line import Ran, stagenorm_here

_DECISION = '- spelling: "Seed Round"\n  stage: seed\n  decided_by: "Ana"\n'


def run_whole_runbook(url: str, directory: Path) -> None:
    """Run each command on the application of these tests and check its exit code and its main figures."""
    (directory / "stage_decisions.yaml").write_text(_DECISION)

    def command(*arguments: str) -> Ran:
        ran = stagenorm_here(*arguments, url=url, directory=directory)
        assert ran.code == 0, f"stagenorm {' '.join(arguments)}: {ran.all[-2_000:]}"
        return ran

    command("init-db")
    command("init-db")
    command("preflight")
    command("inventory")
    assert "A run would change 90 of 130 rows" in command("dry-run").out
    command("backup", "--output", "saved.sql.gz")
    command("backup", "verify", "saved.sql.gz")
    assert '"rowsUpdated":90' in command("run", "--yes", "--sleep-ms", "0", "--batch-size", "20").out
    command("resume")
    command("pause", "--reason", "lunch")
    status = json.loads(command("status", "--json").out)
    assert status["progress"]["rows_updated"] == 90
    assert status["paused"]
    assert "PAUSED since 20" in command("status").out
    command("unpause")
    command("verify", "--output", "report.json", "--strict")
    command("sign-off", "1", "--report", "report.json", "--by", "Ada")
    assert "stagenorm_last_batch_timestamp_seconds " in command("metrics").out
    command("enforce", "--yes")
    command("enforce", "--remove", "--yes")
    assert "90" in command("rollback", "--plan", "1").out
    command("rollback", "--plan", "1", "--yes", "--sleep-ms", "0")
    command("verify")
    command("rollback", "--since", "2020-01-01T00:00:00Z")
