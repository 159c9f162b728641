"""The partitioned check `fund_clean` of `normalized_stages`: one verdict per fund, from PostgreSQL.

Partitioned checks are a preview feature of Dagster 1.13. `defs.reconcile` reports the verdicts: in a run of the asset,
whose output is optional, Dagster skips the check. Here it can be executed alone.
"""

import warnings
from collections.abc import Iterator

import dagster as dg

from stagenorm_pipeline.defs.assets.asset_names import NORMALIZED_STAGES
from stagenorm_pipeline.defs.dagster_internals import report_runless_events
from stagenorm_pipeline.defs.failures import errors_as_failures
from stagenorm_pipeline.defs.partitions import funds
from stagenorm_pipeline.defs.reconcile.fund_events import FUND_CLEAN, fund_evaluation, is_clean
from stagenorm_pipeline.defs.resources import StagenormService
from stagenorm_pipeline.engine.targets.funds import fund_id_of
from stagenorm_pipeline.service.monitoring import read_fund_state

with warnings.catch_warnings():
    # Dagster warns about its preview feature at every load of the definitions.
    warnings.simplefilter("ignore", dg.PreviewWarning)
    _SPEC = dg.AssetCheckSpec(
        FUND_CLEAN,
        asset=NORMALIZED_STAGES,
        partitions_def=funds,
        description="The fund has no failed and no new work, and its work was not rolled back or cancelled. Trust this "
        "check, not the color of a partition: a green partition stays green when a newer plan has batches for it. "
        "Jobs and sensors choose funds from PostgreSQL, never from a partition's status in Dagster. "
        "(Partitioned checks are a preview feature of Dagster 1.13.)",
    )


@dg.multi_asset_check(specs=[_SPEC], can_subset=True)
def fund_clean(context: dg.AssetCheckExecutionContext, service: StagenormService) -> Iterator[dg.AssetCheckResult]:
    """Evaluate the selected funds. Reads only stagenorm's own tables."""
    with errors_as_failures():
        opened = service.open()
        states = [read_fund_state(opened, fund_id=fund_id_of(key)) for key in context.partition_keys]
    dirty = [state.key for state in states if not is_clean(state)]
    yield dg.AssetCheckResult(
        asset_key=NORMALIZED_STAGES,
        check_name=FUND_CLEAN,
        passed=not dirty,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"Not clean: {', '.join(dirty[:5])}" if dirty else "Clean.",
    )
    # A result has no partition, so the verdicts of the funds are events of their own.
    report_runless_events(context.instance, [fund_evaluation(state) for state in states])
