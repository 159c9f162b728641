"""The sensor `spelling_drift`: after a verification, messy spellings that appear anew get a plan, as a draft."""

import json

import dagster as dg

from stagenorm_pipeline.defs.failures import errors_as_failures
from stagenorm_pipeline.defs.jobs.asset_jobs import plan_job
from stagenorm_pipeline.defs.resources import ApplicationDatabase, NormalizationSettings
from stagenorm_pipeline.engine.inventory.drift import DriftState, read_drift, read_drift_state

_INTERVAL_S = 3_600


@dg.sensor(
    job=plan_job,
    minimum_interval_seconds=_INTERVAL_S,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Once an hour: have known spellings that are not canonical come back since the last verification? Then "
    "it records a plan as a draft, for a person to open or to cancel, and changes no business data. One draft waits at "
    "a time. Where nothing was written since the last look it reads PostgreSQL's counters alone, otherwise each table "
    "once.",
)
def spelling_drift(
    context: dg.SensorEvaluationContext, database: ApplicationDatabase, settings: NormalizationSettings
) -> dg.SensorResult | dg.SkipReason:
    with errors_as_failures():
        targets, vocabulary = settings.configuration().targets, settings.vocabulary()
        state = read_drift_state(database.open(), targets)
        if reason := _not_now(state):
            return dg.SkipReason(reason)
        # A new decision turns an unknown spelling into a messy one with no row written.
        seen = json.dumps([state.verification_id, vocabulary.version, state.writes], sort_keys=True)
        if context.cursor == seen and None not in state.writes.values():
            return dg.SkipReason("Nothing was written to the tables since the last look.")
        drift = read_drift(database.open(), targets, vocabulary)
    if not drift.spellings:
        return dg.SensorResult(cursor=seen, skip_reason="Every known spelling in the tables is canonical.")
    context.log.info(f"{drift.rows:,} rows hold {drift.spellings:,} known spellings that are not canonical")
    request = dg.RunRequest(
        # The same spellings ask once after each verification: a draft that was cancelled is not made again.
        run_key=f"{state.verification_id} {drift.digest}",
        run_config={"ops": {"batch_plan": {"config": {"draft": True}}}},
    )
    return dg.SensorResult(cursor=seen, run_requests=[request])


def _not_now(state: DriftState) -> str | None:
    if state.verification_id is None:
        return "There was no verification of all funds yet: what is messy is the migration's own work."
    if state.open_plan_id is not None:
        return f"Plan {state.open_plan_id} has batches that wait or failed: what is messy is its work."
    if state.draft_plan_id is not None:
        return f"Plan {state.draft_plan_id} is a draft that waits for a person, to be opened or cancelled."
    return None
