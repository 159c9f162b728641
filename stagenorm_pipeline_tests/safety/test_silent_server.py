"""No command waits forever for a server or a proxy that accepts everything and answers nothing."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
import sqlalchemy as sa

from stagenorm_pipeline.engine.apply.batch_transaction import Bounds
from stagenorm_pipeline.engine.apply.events import BatchStarted, Event
from stagenorm_pipeline.engine.postgres.bounded_connection import UnconfirmedCommitError, WaitBounds
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.failpoints import Failpoint, listen
from stagenorm_pipeline.errors import ConnectionFailedError
from stagenorm_pipeline_tests.support import engine_calls as work
from stagenorm_pipeline_tests.support.application import Application
from stagenorm_pipeline_tests.support.command_line import Running, on_terminal, started
from stagenorm_pipeline_tests.support.private_server import PrivateServer
from stagenorm_pipeline_tests.support.safety_laws import Undisturbed, broken_laws
from stagenorm_pipeline_tests.support.silent_proxy import SilentProxy
from stagenorm_pipeline_tests.support.waiting import wait_until

# Two seconds, and more where this machine is overloaded: up to six; without the watch it is ten or more.
_PROMISE_S = 2.0 * min(3.0, max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1)))
_IMPATIENT = WaitBounds(connect_s=2, short_s=1, read_s=1, margin_s=1.5)
_RUN = ("run", "--yes", "--batch-size", "5", "--sleep-ms", "0")
_RESTORED = "\x1b[?25h"


@pytest.fixture
def proxy(server: PrivateServer, tmp_path: Path) -> Iterator[SilentProxy]:
    with SilentProxy(tmp_path, server.directory) as proxy:
        yield proxy


@pytest.fixture
def through(portfolio: Application, proxy: SilentProxy, tmp_path: Path) -> str:
    """The portfolio's URL that leads through the proxy."""
    url = sa.make_url(portfolio.url).update_query_dict({"host": str(tmp_path)})
    return url.render_as_string(hide_password=False)


@pytest.fixture
def without_standby(server: PrivateServer, portfolio: Application) -> Iterator[None]:
    """A plan is open, and from now on each COMMIT waits for a synchronous standby that does not exist."""
    work.plan(portfolio.database)
    _alter(server, "SET synchronous_standby_names = 'nobody'")
    wait_until(lambda: portfolio.value("SHOW synchronous_standby_names") == "nobody", "the setting")
    yield
    _alter(server, "RESET synchronous_standby_names")


def _alter(server: PrivateServer, what: str) -> None:
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"ALTER SYSTEM {what}".encode())
        connection.execute("SELECT pg_reload_conf()")


def _interrupt(running: Running, signum: int = signal.SIGINT) -> float:
    """Interrupt it. Returns how long it took to end."""
    began = time.monotonic()
    running.process.send_signal(signum)
    assert running.end() == 1, running.text
    return time.monotonic() - began


@pytest.mark.parametrize("signum", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.soak)])
def test_second_interrupt_ends_a_run_behind_a_silent_proxy(
    portfolio: Application, undisturbed: Undisturbed, proxy: SilentProxy, through: str, signum: int
) -> None:
    # So slow that it is not at its end when the proxy falls silent.
    with started(*_RUN, "--sleep-ms", "20", url=through) as running:
        running.wait_for("Batch 2 completed")
        proxy.fall_silent()
        wait_until(proxy.has_asked.is_set, "a question")
        running.process.send_signal(signum)
        running.wait_for("Stopping after the current batch")
        time.sleep(0.5)
        assert _interrupt(running, signum) < _PROMISE_S
    assert "Error: Interrupted." in running.text
    assert "stagenorm status" in running.text.splitlines()[-1]
    assert "Traceback" not in running.text
    proxy.speak()
    wait_until(lambda: not _others(portfolio), "its sessions")
    work.apply(portfolio.database)
    assert broken_laws(portfolio, undisturbed) == []


@pytest.mark.parametrize(
    ("command", "signum"),
    [
        ("verify", signal.SIGINT),
        ("backup", signal.SIGTERM),
        # Each of these starts a program, and takes the same way through it.
        *(
            pytest.param(command, signal.SIGINT, marks=pytest.mark.soak)
            for command in ("dry-run", "inventory", "status", "backup")
        ),
        *(
            pytest.param(command, signal.SIGTERM, marks=pytest.mark.soak)
            for command in ("verify", "dry-run", "inventory", "status")
        ),
    ],
)
def test_one_interrupt_ends_a_command_behind_a_silent_proxy(
    proxy: SilentProxy, through: str, tmp_path: Path, command: str, signum: int
) -> None:
    proxy.fall_silent()
    options = ("--output", str(tmp_path / "backup.gz")) if command == "backup" else ()
    with on_terminal(command, *options, url=through) as running:
        wait_until(proxy.has_asked.is_set, "a question")
        assert _interrupt(running, signum) < _PROMISE_S
    assert "Error: Interrupted." in running.text
    assert "Traceback" not in running.text


def test_one_interrupt_ends_a_silent_read_and_shows_the_cursor(
    portfolio: Application, proxy: SilentProxy, through: str, tmp_path: Path
) -> None:
    with psycopg.connect(portfolio.url) as user:
        user.execute("LOCK TABLE deal_opportunities")
        with on_terminal("backup", "--output", str(tmp_path / "backup.gz"), url=through) as running:
            running.wait_for("Saving")
            proxy.fall_silent()
            assert _interrupt(running) < _PROMISE_S
    assert running.text.rindex(_RESTORED) > running.text.rindex("Saving")
    assert "Error: Interrupted." in running.text
    assert [file.name for file in tmp_path.iterdir() if "backup" in file.name] == []


@pytest.mark.usefixtures("without_standby")
def test_second_interrupt_ends_the_wait_for_a_standby(portfolio: Application) -> None:
    with started("resume", "--sleep-ms", "0", url=portfolio.url) as running:
        wait_until(lambda: portfolio.value(_WAITING_FOR_STANDBY), "the wait")
        running.process.send_signal(signal.SIGINT)
        running.wait_for("Stopping after the current batch")
        time.sleep(0.5)
        assert _interrupt(running) < _PROMISE_S
    assert "Error: Interrupted." in running.text
    assert "Traceback" not in running.text


def test_connection_attempt_to_a_silent_proxy_times_out(proxy: SilentProxy, through: str) -> None:
    database = Database.at(through, waits=_IMPATIENT)
    proxy.fall_silent()
    began = time.monotonic()
    with pytest.raises(ConnectionFailedError, match="No connection to"):
        work.connect(database)
    assert 1.5 < time.monotonic() - began < 5 * _PROMISE_S


@pytest.mark.parametrize("kind", ["transaction", "snapshot"])
def test_statement_without_an_answer_times_out(proxy: SilentProxy, through: str, kind: str) -> None:
    database = Database.at(through, waits=_IMPATIENT)
    began = time.monotonic()

    def ask() -> None:
        with getattr(database, kind)() as session:
            session.exec_driver_sql("SELECT 1")
            proxy.fall_silent()
            session.exec_driver_sql("SELECT 2")

    with pytest.raises(ConnectionFailedError, match="did not answer within 1 s"):
        ask()
    assert time.monotonic() - began < 10
    proxy.speak()
    with database.transaction() as session:
        assert session.exec_driver_sql("SELECT 3").scalar_one() == 3
    database.close()


def test_commit_without_an_answer_is_looked_up_and_not_repeated(
    portfolio: Application, undisturbed: Undisturbed, proxy: SilentProxy, through: str
) -> None:
    database = Database.at(through, waits=_IMPATIENT)
    work.plan(portfolio.database)
    silences = iter([True])

    def fall_silent_once(step: Failpoint) -> None:
        if step is Failpoint.APPLY_BEFORE_COMMIT and next(silences, False):
            proxy.fall_silent()
            threading.Timer(2, proxy.speak).start()

    listen(fall_silent_once)
    try:
        applied = work.apply(database)
    finally:
        listen(None)
        database.close()
    assert applied.result.ok
    assert any(type(event).__name__ == "Retrying" for event in applied.events)
    assert broken_laws(portfolio, undisturbed) == []


@pytest.mark.parametrize(("path", "margin_s", "seconds"), [("statements", 30, 1), ("one message", 4.5, 5)])
def test_commit_that_no_standby_confirms_stops_the_run(
    portfolio: Application, undisturbed: Undisturbed, server: PrivateServer, path: str, margin_s: float, seconds: int
) -> None:
    work.plan(portfolio.database)

    def lose_standby_before_commit(step: Failpoint) -> None:
        if step is Failpoint.APPLY_BEFORE_COMMIT:
            _lose_standby(server, portfolio)

    def lose_standby_before_message(event: Event) -> None:
        if isinstance(event, BatchStarted) and path == "one message":
            _lose_standby(server, portfolio)

    # The server answers the cancel request, however busy the machine is.
    database = Database.at(portfolio.url, waits=WaitBounds(short_s=1, read_s=1, margin_s=margin_s))
    listen(lose_standby_before_commit if path == "statements" else None)
    try:
        with pytest.raises(UnconfirmedCommitError, match=f"no synchronous standby confirmed it within {seconds} s"):
            work.apply(database, bounds=Bounds(statement_timeout_ms=500), on_event=lose_standby_before_message)
    finally:
        listen(None)
        database.close()
        _alter(server, "RESET synchronous_standby_names")
    assert portfolio.value("SELECT count(*) FROM stage_migration_batches WHERE status = 'completed'") == 1
    work.apply(portfolio.database)
    assert broken_laws(portfolio, undisturbed) == []


def _lose_standby(server: PrivateServer, portfolio: Application) -> None:
    """Make commits wait for a standby that does not exist. Returns when the first of them waits."""
    _alter(server, "SET synchronous_standby_names = 'nobody'")
    one_waits = threading.Event()

    def write_until_a_commit_waits() -> None:
        with suppress(psycopg.OperationalError), psycopg.connect(portfolio.url, autocommit=True) as connection:
            while not one_waits.wait(0.01):
                connection.execute("UPDATE stage_migration_control SET changed_at = now()")

    threading.Thread(target=write_until_a_commit_waits, daemon=True).start()
    wait_until(lambda: portfolio.value(_WAITING_FOR_STANDBY), "a commit that waits")
    one_waits.set()


def test_statement_may_take_as_long_as_its_own_limit(through: str) -> None:
    database = Database.at(through, waits=WaitBounds(short_s=0.5, read_s=30))
    with database.snapshot() as session:
        assert session.exec_driver_sql("SELECT 1 FROM pg_sleep(1.5)").scalar_one() == 1
    database.close()


_WAITING_FOR_STANDBY: Final = "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


def _others(portfolio: Application) -> Any:
    return portfolio.value(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name ~ 'stagenorm' "
        "AND state <> 'idle'"
    )
