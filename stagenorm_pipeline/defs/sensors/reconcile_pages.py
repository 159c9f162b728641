"""The sensor `reconcile_pages`: makes the pages show what PostgreSQL says."""

import hashlib
import time

import dagster as dg

from stagenorm_pipeline.defs.failures import errors_as_failures
from stagenorm_pipeline.defs.reconcile.reconcile import report_differences
from stagenorm_pipeline.defs.resources import StagenormService
from stagenorm_pipeline.engine.monitor.recorded_state import RecordedState
from stagenorm_pipeline.errors import ConfigurationError, MissingMigrationError
from stagenorm_pipeline.service.monitoring import read_recorded_state

_COMPARE_ANYWAY_S = 600


@dg.sensor(
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Every 30 s: compares plans, batches, verifications and the pause switch in PostgreSQL with what the "
    "pages show, and reports the difference. So changes by the command line, by psql and by killed runs appear here. "
    "Starts no run and changes no data. If nothing has changed, it only reads stagenorm's own tables; every ten "
    "minutes it compares anyway.",
)
def reconcile_pages(context: dg.SensorEvaluationContext, service: StagenormService) -> dg.SensorResult | dg.SkipReason:
    try:
        opened = service.open()
        state = read_recorded_state(opened)
    except (ConfigurationError, MissingMigrationError) as error:
        # Not yet set up: nothing has happened that a page could show.
        return dg.SkipReason(error.message)
    seen = _digest(state)
    if context.cursor == seen:
        return dg.SkipReason("Nothing has changed in PostgreSQL since the last tick.")
    with errors_as_failures():
        reported = report_differences(context.instance, opened, state, only_quiet=True)
    return dg.SensorResult(cursor=seen, skip_reason=reported.sentence)


def _digest(state: RecordedState) -> str:
    # With the time, so that what a cancelled run or a wiped asset took from the pages comes back.
    return hashlib.sha256(f"{state!r} {time.time() // _COMPARE_ANYWAY_S}".encode()).hexdigest()
