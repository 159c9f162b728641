"""Dagster partitions, one per fund: `fund-<fund_id>`, and `no-fund` for rows without a fund.

Partitions are only added. A fund that is gone from the database keeps its partition and its history.
"""

from collections.abc import Iterable

import dagster as dg

from stagenorm_pipeline.engine.targets.funds import fund_key, fund_order

funds = dg.DynamicPartitionsDefinition(name="funds")


def new_fund_keys(instance: dg.DagsterInstance, fund_ids: Iterable[str | None]) -> list[str]:
    """Return the keys of the funds without a partition, numbers in numeric order."""
    known = set(instance.get_dynamic_partitions("funds"))
    return [key for key in map(fund_key, sorted(set(fund_ids), key=fund_order)) if key not in known]


def add_fund_keys(instance: dg.DagsterInstance, fund_ids: Iterable[str | None]) -> list[str]:
    """Add a partition for each fund that has none. Returns the added keys."""
    keys = new_fund_keys(instance, fund_ids)
    if keys:
        instance.add_dynamic_partitions("funds", keys)
    return keys
