"""Test the options that every command takes: colours, --quiet, --verbose and --demo."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO

import pytest

from stagenorm_pipeline.cli.screen import has_colour
from stagenorm_pipeline.local import demo_database
from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.command_line import stagenorm_here


class _Terminal(StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def verified(application: Application) -> Application:
    application.add(COMPANIES, [(1, "Seed"), (1, "Seed Round")])
    application.run()
    return application


def test_colours_need_a_terminal_or_the_option(verified: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b" not in stagenorm_here("verify", url=verified.url).out
    for arguments in (("--color", "always", "verify"), ("verify", "--color", "always")):
        assert "\x1b[31m✗\x1b[0m" in stagenorm_here(*arguments, url=verified.url).out
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert has_colour(_Terminal())
    assert not has_colour(StringIO())
    for name, value in (("NO_COLOR", "1"), ("TERM", "dumb"), ("LOG_FORMAT", "json")):
        with monkeypatch.context() as changed:
            changed.setenv(name, value)
            assert not has_colour(_Terminal())


def test_quiet_keeps_results_and_drops_the_rest(verified: Application) -> None:
    quiet = stagenorm_here("-q", "verify", url=verified.url)
    assert [line.split(":")[0] for line in quiet.out.splitlines()] == [
        "[ERROR] Verification FAILED",
        "Do not sign",
        "Next",
    ]
    verified.add(COMPANIES, [(1, "Series A")])
    assert stagenorm_here("dry-run", "--quiet", url=verified.url).out.startswith("A run would change 1 of 3 rows")
    assert len(stagenorm_here("status", "--quiet", url=verified.url).out.splitlines()) == 1
    run = stagenorm_here("run", "--yes", "--quiet", "--no-lag-check", url=verified.url)
    assert run.code == 0
    assert "[INFO]" not in run.out


def test_verbose_shows_the_origin_of_an_error_escaped(application: Application) -> None:
    plain = stagenorm_here("cancel", "--plan", "7", url=application.url)
    verbose = stagenorm_here("cancel", "--plan", "7", "-v", url=application.url)
    assert (plain.code, verbose.code) == (1, 1)
    assert "Traceback" not in plain.err
    assert verbose.err.startswith(plain.err)
    assert "in cancel_plan" in verbose.err


def test_demo_option_works_before_and_after_the_command(verified: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def prepared() -> Iterator[str]:
        yield verified.url

    monkeypatch.setattr(demo_database, "demo_database", prepared)
    monkeypatch.setitem(os.environ, "DATABASE_URL", "postgresql://nobody@nowhere/none")
    for arguments in (("--demo", "plans"), ("plans", "--demo")):
        assert "normalize" in stagenorm_here(*arguments, url="postgresql://nobody@nowhere/none").out
    assert os.environ["DATABASE_URL"] == "postgresql://nobody@nowhere/none"
