"""Find what PostgreSQL has to report about changes by Dagster, the command line or psql."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from stagenorm_pipeline.config.alerts import AlertSettings
from stagenorm_pipeline.defs.alerts.kinds import FailedVerification, FinishedPlan, KeyedAlert, LongPause, LongThrottle
from stagenorm_pipeline.engine.monitor.alert_facts import AlertFacts, PlanResult


def database_alerts(facts: AlertFacts, settings: AlertSettings) -> Iterator[KeyedAlert]:
    """Return what is to be reported at the moment of the facts. The same state gives the same keys."""
    for result in facts.results:
        yield KeyedAlert(keys=(_key(result),), alert=FinishedPlan(result=result), is_history=True)
    for failed in facts.failed_verifications:
        key = f"verification {failed.verification_id}"
        yield KeyedAlert(keys=(key,), alert=FailedVerification(facts=failed), is_history=True)
    for runner in facts.throttled:
        if _is_older(runner.since, facts.as_of, timedelta(minutes=settings.throttled_minutes)):
            yield KeyedAlert(
                keys=(f"throttled {runner.runner_id} {runner.since.isoformat()}",),
                alert=LongThrottle(runner=runner.run_by, plan_id=runner.plan_id, since=runner.since),
            )
    pause = facts.pause
    if pause is not None and _is_older(pause.since, facts.as_of, timedelta(hours=settings.paused_hours)):
        key = f"paused {pause.since.isoformat()}"
        yield KeyedAlert(keys=(key,), alert=LongPause(changed_by=pause.changed_by, since=pause.since))


def _key(result: PlanResult) -> str:
    """Return a key that a retry changes if it changes the result."""
    figures = (result.batches_completed, result.batches_failed, result.rows_updated, result.rows_failed)
    return f"plan {result.plan_id} {' '.join(map(str, figures))}"


def _is_older(since: datetime, now: datetime, age: timedelta) -> bool:
    return now - since >= age
