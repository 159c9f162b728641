"""What befalls a program, and how its work is taken up again."""

import psycopg

from stagenorm_pipeline.engine.postgres.failpoints import Failpoint
from stagenorm_pipeline_tests.support import engine_calls as work
from stagenorm_pipeline_tests.support.application import Application
from stagenorm_pipeline_tests.support.blocked_program import BlockedProgram, Work
from stagenorm_pipeline_tests.support.private_server import PrivateServer
from stagenorm_pipeline_tests.support.waiting import wait_until

_OTHERS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
    "AND backend_type = 'client backend'"
)

# The steps that a migration, or a rollback, comes by once.
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
    """End every session on the application's database but the caller's own; returns when they are gone."""
    application.sql(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )


def crash(server: PrivateServer, *applications: Application) -> None:
    """Stop the server as a crash does, start it again, and connect the test's own applications anew."""
    server.stop_immediately()
    server.start()
    for application in applications:
        application.close()
        application.user = psycopg.connect(application.url, autocommit=True)


def wait_until_gone(application: Application) -> None:
    """Wait until the server has noticed that its clients are dead, and no session but the caller's own is left."""
    wait_until(lambda: not application.value(_OTHERS), "the sessions of dead programs have ended", poll_s=0.005)


def wait_for_sessions(application: Application, number: int) -> None:
    """Wait until programs have that many sessions on the application's database."""
    wait_until(lambda: application.value(_OTHERS) >= number, f"there are {number} sessions", poll_s=0.005)


def wait_for_a_waiting_session(application: Application) -> None:
    """Wait until some session on the application's database waits for a lock."""
    waiting = f"{_OTHERS} AND wait_event_type = 'Lock'"
    wait_until(lambda: application.value(waiting) > 0, "a session waits for a lock", poll_s=0.005)


def resume(application: Application, way: Work = work.resume_or_migrate) -> None:
    """Take the work up again in a new program, once the server has noticed that the last one died."""
    wait_until_gone(application)
    with BlockedProgram(application.url, way) as program:
        outcome = program.outcome()
    assert outcome.error is None
    assert outcome.value.result.ok
