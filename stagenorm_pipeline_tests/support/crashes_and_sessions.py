"""Kill sessions, crash the server, wait for sessions, and resume the work of a killed program."""

from stagenorm_pipeline.engine.postgres.failpoints import Failpoint
from stagenorm_pipeline_tests.support import engine_calls as work
from stagenorm_pipeline_tests.support.application import Application, connect_user
from stagenorm_pipeline_tests.support.blocked_program import BlockedProgram, Work
from stagenorm_pipeline_tests.support.private_server import PrivateServer
from stagenorm_pipeline_tests.support.waiting import wait_until

_OTHERS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
    "AND backend_type = 'client backend'"
)

# The failpoints that a migration or a rollback passes once.
ONCE = (
    Failpoint.PLAN_STARTED,
    Failpoint.PLAN_RECORDED,
    Failpoint.PLAN_BEFORE_COMMIT,
    Failpoint.PLAN_AFTER_COMMIT,
    Failpoint.APPLY_BEFORE_CLOSE,
    Failpoint.ROLLBACK_STARTED,
    Failpoint.ROLLBACK_BEFORE_COMMIT,
    Failpoint.ROLLBACK_AFTER_COMMIT,
)


def kill_backends(application: Application) -> None:
    """End all other sessions on the application's database and wait until they are gone."""
    application.sql(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )


def crash(server: PrivateServer, *applications: Application) -> None:
    """Stop the server without a checkpoint, start it again, and reconnect the test's applications."""
    server.stop_immediately()
    server.start()
    for application in applications:
        application.close()
        application.user = connect_user(application.url)


def wait_until_gone(application: Application) -> None:
    """Wait until the server has noticed that its clients are dead and only the caller's session is left."""
    wait_until(lambda: not application.value(_OTHERS), "the sessions of dead programs have ended", poll_s=0.005)


def wait_for_sessions(application: Application, number: int) -> None:
    """Wait until programs have at least `number` sessions on the application's database."""
    wait_until(lambda: application.value(_OTHERS) >= number, f"there are {number} sessions", poll_s=0.005)


def wait_for_a_waiting_session(application: Application) -> None:
    """Wait until a session on the application's database waits for a lock."""
    waiting = f"{_OTHERS} AND wait_event_type = 'Lock'"
    wait_until(lambda: application.value(waiting) > 0, "a session waits for a lock", poll_s=0.005)


def resume(application: Application, way: Work = work.resume_or_migrate) -> None:
    """Resume the work in a new program, after the server has noticed that the last one died."""
    wait_until_gone(application)
    with BlockedProgram(application.url, way) as program:
        outcome = program.outcome()
    assert outcome.error is None
    assert outcome.value.result.ok
