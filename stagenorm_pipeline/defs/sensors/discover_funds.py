"""The sensor `discover_funds`: adds a partition for each new fund."""

import dagster as dg

from stagenorm_pipeline.defs.failures import errors_as_failures
from stagenorm_pipeline.defs.partitions import funds, new_fund_keys
from stagenorm_pipeline.defs.resources import StagenormService
from stagenorm_pipeline.service.selecting import read_fund_ids


@dg.sensor(
    minimum_interval_seconds=300,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Every five minutes: adds a partition for each new fund in your tables. Starts no run and changes no "
    "data. Optional: `batch_plan` adds the partitions of its funds, too.",
)
def discover_funds(context: dg.SensorEvaluationContext, service: StagenormService) -> dg.SensorResult | dg.SkipReason:
    with errors_as_failures():
        found = read_fund_ids(service.open())
    keys = new_fund_keys(context.instance, found)
    if not keys:
        return dg.SkipReason(f"No new funds. All {len(found):,} have a partition.")
    return dg.SensorResult(dynamic_partitions_requests=[funds.build_add_request(keys)])
