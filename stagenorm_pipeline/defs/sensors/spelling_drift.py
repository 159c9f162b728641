"""The sensor `spelling_drift`: plans spellings that came back after a verification, as a draft."""

import json

import dagster as dg

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.defs.assets.asset_names import BATCH_PLAN, op_name
from stagenorm_pipeline.defs.failures import errors_as_failures
from stagenorm_pipeline.defs.jobs.asset_jobs import plan_job
from stagenorm_pipeline.defs.resources import StagenormService
from stagenorm_pipeline.engine.inventory.drift import DriftState
from stagenorm_pipeline.service.detecting_drift import read_drift, read_drift_state

_INTERVAL_S = 3_600


@dg.sensor(
    job=plan_job,
    minimum_interval_seconds=_INTERVAL_S,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Every hour: if known spellings that are not canonical came back since the last verification, records "
    "a plan as a draft. You open or cancel it. Changes no business data. There is never more than one such draft. If "
    "nothing was written since the last check, it reads only PostgreSQL's counters, otherwise each table once.",
)
def spelling_drift(context: dg.SensorEvaluationContext, service: StagenormService) -> dg.SensorResult | dg.SkipReason:
    with errors_as_failures():
        opened = service.open()
        state = read_drift_state(opened)
        if reason := _skip_reason(state):
            return dg.SkipReason(reason)
        # Includes the vocabulary: a new decision makes an unknown spelling known without any write to the tables.
        seen = json.dumps([state.verification_id, opened.vocabulary.version, state.writes], sort_keys=True)
        if context.cursor == seen and None not in state.writes.values():
            return dg.SkipReason("Nothing was written to the tables since the last check.")
        drift = read_drift(opened)
    if not drift.spellings:
        return dg.SensorResult(cursor=seen, skip_reason="Every known spelling is canonical.")
    context.log.info(
        f"Found {counted(drift.spellings, 'known spelling')} to normalize in {counted(drift.rows, 'row')}."
    )
    request = dg.RunRequest(
        # Requests the same spellings once per verification, so a cancelled draft is not recorded again.
        run_key=f"{state.verification_id} {drift.digest}",
        run_config={"ops": {op_name(BATCH_PLAN): {"config": {"draft": True}}}},
    )
    return dg.SensorResult(cursor=seen, run_requests=[request])


def _skip_reason(state: DriftState) -> str | None:
    if state.verification_id is None:
        return "No verification of all funds yet: the migration itself has to normalize these spellings."
    if state.open_plan_id is not None:
        return f"Plan {state.open_plan_id} has pending or failed batches. They come first."
    if state.draft_plan_id is not None:
        return f"Plan {state.draft_plan_id} is a draft. Open or cancel it first."
    return None
