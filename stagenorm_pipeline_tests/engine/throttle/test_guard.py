"""Guards on a real server: they throttle, stop, cannot write, and are checked by preflight."""

import pytest

from stagenorm_pipeline.config.guards import GuardBound, GuardSettings
from stagenorm_pipeline.config.throttle import LAG_THROTTLERS, ThrottleSettings
from stagenorm_pipeline.engine.apply.events import Throttled, ThrottleEnded
from stagenorm_pipeline.engine.apply.request import ApplyRequest
from stagenorm_pipeline.engine.apply.runner import apply_batches
from stagenorm_pipeline.engine.monitor.runners import read_runners
from stagenorm_pipeline.engine.preflight import run_preflight
from stagenorm_pipeline.engine.throttle.guard import GuardStopError, read_guard
from stagenorm_pipeline.engine.throttle.throttler import CannotSeeError
from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.background_run import BackgroundRun
from stagenorm_pipeline_tests.support.spellings import CANONICAL_STAGES
from stagenorm_pipeline_tests.support.waiting import wait_until

QUICK = ThrottleSettings(probe_interval_ms=20, ignore=LAG_THROTTLERS)


def guard(query: str, timeout_ms: int = 500) -> GuardSettings:
    return GuardSettings(
        name="queue depth",
        query=query,
        throttle_if=GuardBound.parse("> 80"),
        stop_if=GuardBound.parse("> 95"),
        timeout_ms=timeout_ms,
    )


@pytest.fixture
def queue(application: Application) -> GuardSettings:
    """A plan, and a guard on a table whose one number is 90."""
    application.sql("CREATE TABLE queue (depth numeric)")
    application.sql("INSERT INTO queue VALUES (90)")
    application.add(COMPANIES, [(1, "Seed")] * 20)
    application.plan(batch_size=10)
    return guard("SELECT depth FROM queue")


def test_guard_throttles_and_shows_its_reason_until_it_is_within_its_bound(
    application: Application, queue: GuardSettings
) -> None:
    with BackgroundRun(application.url, QUICK, guards=(queue,)) as run:
        reason = run.says(Throttled).reason
        with application.database.transaction() as connection:
            (runner,) = wait_until(lambda: [one for one in read_runners(connection) if one.throttled])
        assert runner.throttled
        assert runner.throttled.reason == reason
        assert reason == "the guard queue depth is 90; continues when it is no longer > 80"
        application.sql("UPDATE queue SET depth = 80")
        run.says(ThrottleEnded)
        assert run.ends().ok


def test_guard_stops_the_run_between_batches(application: Application, queue: GuardSettings) -> None:
    application.sql("UPDATE queue SET depth = 0")
    application.sql(
        "CREATE FUNCTION deepen() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN UPDATE queue SET depth = 99; RETURN NEW; END'"
    )
    application.sql("CREATE TRIGGER deepen AFTER UPDATE ON portfoliocompanies EXECUTE FUNCTION deepen()")
    settings = ThrottleSettings(probe_interval_ms=1, ignore=LAG_THROTTLERS)
    request = ApplyRequest(worker="w", run_by="t", sleep_ms=20, throttle=settings, guards=(queue,))
    with pytest.raises(GuardStopError, match="Stopped by the guard queue depth: it is 99, and stop_if is > 95"):
        apply_batches(application.database, request)
    assert application.column("SELECT status FROM stage_migration_batches ORDER BY 1") == ["completed", "pending"]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("DELETE FROM portfoliocompanies RETURNING 1", "read-only transaction"),
        ("COMMIT; DELETE FROM portfoliocompanies", "multiple commands"),
        ("SELECT set_config('transaction_read_only', 'off', true)", "must be set before any query"),
        ("COMMIT", "exactly one row"),
        ("SELECT NULL::int", "does not return a number"),
        ("SELECT 1 WHERE '%s' = ''", "exactly one row"),
        ("SELECT 1 FROM pg_sleep(5)", "statement timeout"),
    ],
)
def test_query_that_writes_or_returns_no_number_throttles_and_fails_preflight(
    application: Application, query: str, words: str
) -> None:
    application.add(COMPANIES, [(1, "Seed")])
    with pytest.raises(CannotSeeError, match=words):
        read_guard(application.database, guard(query, timeout_ms=100))
    (finding,) = run_preflight(
        application.database, (), stages=CANONICAL_STAGES, guard_settings=(guard(query, timeout_ms=100),)
    )
    assert words in finding.message
    assert application.value("SELECT count(*) FROM portfoliocompanies") == 1
