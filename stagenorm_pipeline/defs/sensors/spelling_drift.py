"""The sensor `spelling_drift`: reports spellings that came in after a verification, and plans the known ones."""

import json
from typing import Any

import dagster as dg

from stagenorm_pipeline.defs.assets.asset_names import BATCH_PLAN, op_name
from stagenorm_pipeline.defs.checks.drift_check import drift_check_result
from stagenorm_pipeline.defs.checks.runless import runless_evaluation
from stagenorm_pipeline.defs.failures import errors_as_failures
from stagenorm_pipeline.defs.jobs.asset_jobs import plan_job
from stagenorm_pipeline.defs.resources import StagenormService
from stagenorm_pipeline.engine.inventory.drift import Drift, DriftState
from stagenorm_pipeline.service.detecting_drift import read_drift, read_drift_state

_INTERVAL_S = 3_600


@dg.sensor(
    job=plan_job,
    minimum_interval_seconds=_INTERVAL_S,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Every hour: evaluates the check no_drift of stage_inventory. If known spellings that are not "
    "canonical came in since the last verification, records a plan as a draft. You open or cancel it. Changes no "
    "business data. There is never more than one such draft. If nothing was written since the last check, it reads "
    "only PostgreSQL's counters, otherwise each table once.",
)
def spelling_drift(context: dg.SensorEvaluationContext, service: StagenormService) -> dg.SensorResult | dg.SkipReason:
    with errors_as_failures():
        opened = service.open()
        state = read_drift_state(opened)
        if reason := _skip_reason(state):
            return dg.SkipReason(reason)
        # Includes the vocabulary: a new decision makes an unknown spelling known without any write to the tables.
        seen = json.dumps([state.verification_id, opened.vocabulary.version, state.writes], sort_keys=True)
        # A draft does not stop the scan: unknown spellings are not in its batches.
        if context.cursor == seen and None not in state.writes.values():
            return dg.SkipReason("Nothing was written to the tables since the last check.")
        drift = read_drift(opened)
    return dg.SensorResult(
        cursor=seen,
        asset_events=[runless_evaluation(drift_check_result(drift))],
        **_request(state, drift),
    )


def _request(state: DriftState, drift: Drift) -> dict[str, Any]:
    """Return the request of a run, or why there is none."""
    if not drift.known.spellings:
        return {"skip_reason": "Every known spelling is canonical."}
    if state.draft_plan_id is not None:
        return {"skip_reason": f"Plan {state.draft_plan_id} is a draft. Open or cancel it first."}
    # Requests the same spellings once per verification, so a cancelled draft is not recorded again.
    run_key = f"{state.verification_id} {drift.known.digest}"
    run_config = {"ops": {op_name(BATCH_PLAN): {"config": {"draft": True}}}}
    return {"run_requests": [dg.RunRequest(run_key=run_key, run_config=run_config)]}


def _skip_reason(state: DriftState) -> str | None:
    """Return why a scan would make no sense now; None if it would."""
    if state.verification_id is None:
        return "No verification of all funds yet: the migration itself has to normalize these spellings."
    if state.open_plan_id is not None:
        return f"Plan {state.open_plan_id} has pending or failed batches. They come first."
    return None
