"""The partitioned check `fund_clean` of `normalized_stages`: one verdict per fund, from PostgreSQL.

Partitioned checks are a preview feature of Dagster 1.13. The asset itself evaluates it, because Dagster skips a
separate check of an asset whose output is optional. A run may report only one result, so `defs.reconcile` reports those
of the funds.
"""

from collections.abc import Sequence

import dagster as dg

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.defs.assets.asset_names import NORMALIZED_STAGES
from stagenorm_pipeline.defs.beta_warnings import without_beta_warnings
from stagenorm_pipeline.defs.partitions import funds
from stagenorm_pipeline.defs.reconcile.fund_events import FUND_CLEAN, is_clean
from stagenorm_pipeline.engine.monitor.recorded_state import FundState, FundStatus

_FUNDS_NAMED = 5

with without_beta_warnings():
    FUND_CLEAN_SPEC = dg.AssetCheckSpec(
        FUND_CLEAN,
        asset=NORMALIZED_STAGES,
        partitions_def=funds,
        description="The fund has no failed and no new work, and its work was not rolled back or cancelled. Trust this "
        "check, not the colour of a partition: a green partition stays green when a newer plan has batches for it. "
        "Jobs and sensors choose funds from PostgreSQL, never from a partition's status in Dagster. "
        "(Partitioned checks are a preview feature of Dagster 1.13.)",
    )


def result_of_run(states: Sequence[FundState]) -> dg.AssetCheckResult:
    """Return the result over all funds of a run."""
    dirty = [state for state in states if not is_clean(state)]
    has_failed = any(state.status is FundStatus.FAILED for state in dirty)
    named = ", ".join(f"{state.key} is {state.status}" for state in dirty[:_FUNDS_NAMED])
    more = f" and {len(dirty) - _FUNDS_NAMED:,} more" if len(dirty) > _FUNDS_NAMED else ""
    return dg.AssetCheckResult(
        check_name=FUND_CLEAN,
        passed=not dirty,
        severity=dg.AssetCheckSeverity.ERROR if has_failed else dg.AssetCheckSeverity.WARN,
        description=f"{named}{more}." if dirty else f"{counted(len(states), 'fund')} clean.",
    )
