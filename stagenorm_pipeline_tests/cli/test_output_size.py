"""Test that the output of every command fits the terminal: its columns, and one screen for a summary."""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import psycopg
import pytest
from rich.cells import cell_len

from stagenorm_pipeline.cli.main import main
from stagenorm_pipeline_tests.support.command_line import on_terminal, stagenorm_here

# 60 funds, 300 spellings, one of them long and one of wide characters.
_MANY = """
INSERT INTO portfoliocompanies (fund_id, name, stage)
SELECT i % 60, 'many ' || i, CASE i % 3 WHEN 0 THEN 'Round ' || i WHEN 1 THEN repeat(' ', i) || 'Seed'
                             ELSE 'Series A' || repeat(' ', i) END
FROM generate_series(1, 300) i;
INSERT INTO portfoliocompanies (fund_id, name, stage)
VALUES (1, 'long', repeat('x', 5000)), (1, 'wide', repeat('轮', 90));
"""
_REFUSED = "ALTER TABLE deal_opportunities ADD CONSTRAINT odd CHECK (id % 6 <> 0 OR stage <> 'series-b')"
_ONE_SCREEN = 23
_NO_LIMIT = 10_000
# The commands in an order that leads through a failed, a half-done, a verified and a rolled-back migration.
_STEPS: tuple[tuple[str, int], ...] = (
    ("inventory", _ONE_SCREEN),
    ("dry-run", _ONE_SCREEN),
    ("init-db", _ONE_SCREEN),
    ("status", _ONE_SCREEN),
    ("preflight", _NO_LIMIT),
    ("plans", _ONE_SCREEN),
    ("backup --output saved.sql.gz", _ONE_SCREEN),
    ("backup verify saved.sql.gz", _ONE_SCREEN),
    ("dry-run", _ONE_SCREEN),
    ("dry-run --full", _NO_LIMIT),
    ("inventory --full", _NO_LIMIT),
    ("run --rehearse", _NO_LIMIT),
    ("cancel", _ONE_SCREEN),
    ("run --yes --sleep-ms 0 --fund-id 2", _NO_LIMIT),
    ("run --yes --sleep-ms 0", _NO_LIMIT),
    ("status", _ONE_SCREEN),
    ("status --full", _NO_LIMIT),
    ("approval", _ONE_SCREEN),
    ("approval require", _ONE_SCREEN),
    ("approval", _ONE_SCREEN),
    ("approve 2", _ONE_SCREEN),
    ("approval lift", _ONE_SCREEN),
    ("pause --reason lunch", _ONE_SCREEN),
    ("status", _ONE_SCREEN),
    ("unpause", _ONE_SCREEN),
    ("tune --sleep-ms 0 --target-ms 100", _ONE_SCREEN),
    ("status", _ONE_SCREEN),
    ("tune --reset", _ONE_SCREEN),
    ("dry-run", _ONE_SCREEN),
    ("resume --sleep-ms 0", _NO_LIMIT),
    ("plans", _ONE_SCREEN),
    ("plans 2", _NO_LIMIT),
    ("verify", 90),
    ("verify --full", _NO_LIMIT),
    ("report --list", _ONE_SCREEN),
    ("report 1", 90),
    ("decisions", _ONE_SCREEN),
    ("enforce", _NO_LIMIT),
    ("enforce --observe", _ONE_SCREEN),
    ("vocabulary", _ONE_SCREEN),
    ("vocabulary test Serie", _ONE_SCREEN),
    ("decisions --diff", _ONE_SCREEN),
    ("explain portfoliocompanies 4", _ONE_SCREEN),
    ("explain --spelling Seed", _NO_LIMIT),
    ("rollback --plan 2", _ONE_SCREEN),
    ("rollback --plan 2 --yes --sleep-ms 0", _NO_LIMIT),
    ("cancel --plan 3", _ONE_SCREEN),
    ("verify", 90),
    ("sign-off 1", _ONE_SCREEN),
    ("report --prune --keep 90d", _ONE_SCREEN),
    ("status", _ONE_SCREEN),
    ("drop-tracking", _ONE_SCREEN),
    ("drop-tracking --yes --output t.gz", _ONE_SCREEN),
)
# Looked at in two widths, the first time.
_READING = {"inventory", "dry-run", "status", "plans", "report", "enforce", "approval", "drop-tracking"}
# They serve, ask, walk through other commands, or write for a program.
_NOT_RUN = {"demo", "ui", "completion", "metrics"}


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A directory whose path fits in a line: a path is never broken, so that it can be copied."""
    with TemporaryDirectory(dir="/tmp") as directory:
        yield Path(directory)


def test_output_of_every_command_fits_the_screen(application_url: str, short_path: Path) -> None:
    with psycopg.connect(application_url) as user:
        user.execute(_MANY)
        user.execute(_REFUSED)
    too_large, looked_at = [], set()
    for step, most_lines in _STEPS:
        is_new = step not in looked_at
        looked_at.add(step)
        for columns in (80, 120) if step.split()[0] in _READING and is_new else (80,):
            ran = stagenorm_here(*step.split(), url=application_url, directory=short_path, columns=columns)
            lines = [line for line in ran.out.splitlines() if not line.startswith(("[INFO]", "[WARN]", "[ERROR]"))]
            widest = max(lines, key=cell_len, default="")
            if len(lines) > most_lines or cell_len(widest) > columns:
                too_large.append((step, len(lines), widest))
    assert not too_large
    assert {step.split()[0] for step, _ in _STEPS} == set(main.list_commands(click.Context(main))) - _NOT_RUN


@pytest.mark.parametrize("columns", [80, 120])
def test_help_and_examples_fit_the_screen(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "COLUMNS", str(columns))
    for path, text in _helps(main, click.Context(main, info_name="stagenorm", max_content_width=110)):
        assert max(map(cell_len, text.splitlines())) <= columns, path
        assert "Exit codes: 0 done" in text or path.count(" ") > 1, path


def _helps(command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from _helps(below, click.Context(below, parent=context, info_name=name))


def test_run_on_terminal_asks_and_sums_up_on_one_screen(ready_url: str) -> None:
    small = {"COLUMNS": "80", "LINES": "24"}
    with on_terminal("run", "--sleep-ms", "0", "--color", "never", url=ready_url, environment=small) as running:
        running.wait_for(r"\[y/N\]")
        running.press("y\n")
        assert running.end() == 0
    lines = running.text.splitlines()
    assert len(lines) < 24
    assert max(map(cell_len, lines)) <= 80
    question = next(number for number, line in enumerate(lines) if "[y/N]" in line)
    assert lines[question - 2 : question] == [
        "Plan 1 changes 70 of 130 rows, in 8 batches of at most 5,000.",
        "20 rows hold 1 unknown spelling. They stay as they are.",
    ]
    assert lines[-3] == "Migration completed"
    assert "70 rows changed, 0 skipped, 0 refused" in lines[-2]
    assert lines[-1] == "Next: stagenorm verify"
    assert "[INFO]" not in running.text
    assert "\x1b[" not in running.raw
