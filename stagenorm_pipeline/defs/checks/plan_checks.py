"""Two checks of `batch_plan`: `no_batch_failed` and `not_paused`.

`defs.reconcile` evaluates them whenever a result changes. They never fail a run. They belong to `batch_plan` because
`normalized_stages` has optional outputs, and Dagster skips the checks of an asset without output.
"""

from collections.abc import Iterator

import dagster as dg

from stagenorm_pipeline.defs.assets.asset_names import BATCH_PLAN
from stagenorm_pipeline.defs.failures import errors_as_failures
from stagenorm_pipeline.defs.reconcile.plan_events import NO_BATCH_FAILED, NOT_PAUSED, plan_check_results
from stagenorm_pipeline.defs.resources import StagenormService
from stagenorm_pipeline.service.monitoring import read_recorded_state


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec(
            NO_BATCH_FAILED,
            asset=BATCH_PLAN,
            description="No batch of a plan has failed. The result names the funds, the table and the database's first "
            "error, and counts the funds that wait. Waiting is not an error. It reads PostgreSQL: a "
            "partition of normalized_stages shows its last materialization and may be green although a newer plan has "
            "batches for the fund.",
        ),
        dg.AssetCheckSpec(
            NOT_PAUSED,
            asset=BATCH_PLAN,
            description="The pause switch is off. While it is on, every runner waits before its next batch. The jobs "
            "pause_job and unpause_job set the switch, and so do `stagenorm pause` and `stagenorm unpause`.",
        ),
    ],
    can_subset=True,
)
def plan_checks(context: dg.AssetCheckExecutionContext, service: StagenormService) -> Iterator[dg.AssetCheckResult]:
    """Evaluate the selected checks. Reads only stagenorm's own tables, so it takes no time."""
    with errors_as_failures():
        results = plan_check_results(read_recorded_state(service.open()))
    selected = {key.name for key in context.selected_asset_check_keys}
    yield from (result for result in results if result.check_name in selected)
