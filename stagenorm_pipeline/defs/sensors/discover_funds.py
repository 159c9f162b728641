"""The sensor that keeps the `funds` partitions in step with the database. It launches nothing."""

import dagster as dg

from stagenorm_pipeline.defs.failures import errors_as_failures
from stagenorm_pipeline.defs.partitions import funds, new_fund_keys
from stagenorm_pipeline.defs.resources import ApplicationDatabase, NormalizationSettings
from stagenorm_pipeline.engine.targets.fund_lookup import read_fund_ids


@dg.sensor(
    minimum_interval_seconds=300,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Adds a partition for every fund that has appeared in the database, every five minutes. It starts no "
    "run and changes no data. `batch_plan` adds the funds that it meets as well, so this is a convenience.",
)
def discover_funds(
    context: dg.SensorEvaluationContext, database: ApplicationDatabase, settings: NormalizationSettings
) -> dg.SensorResult | dg.SkipReason:
    with errors_as_failures():
        found = read_fund_ids(database.open(), settings.configuration().targets)
    keys = new_fund_keys(context.instance, found)
    if not keys:
        return dg.SkipReason(f"No new fund: all {len(found):,} have a partition.")
    return dg.SensorResult(dynamic_partitions_requests=[funds.build_add_request(keys)])
