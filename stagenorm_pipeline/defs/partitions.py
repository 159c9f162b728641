"""Funds as Dagster partitions: `fund-<fund_id>`, and `no-fund` for the rows without one.

Keys are only ever added. A fund that is gone from the database keeps its history here, and has nothing to do.
"""

from collections.abc import Iterable

import dagster as dg

from stagenorm_pipeline.engine.targets.funds import fund_key, fund_order

funds = dg.DynamicPartitionsDefinition(name="funds")


def new_fund_keys(instance: dg.DagsterInstance, fund_ids: Iterable[str | None]) -> list[str]:
    """The keys of the funds that have no partition yet, in the order in which people look for a fund."""
    known = set(instance.get_dynamic_partitions("funds"))
    return [key for key in map(fund_key, sorted(set(fund_ids), key=fund_order)) if key not in known]


def add_fund_keys(instance: dg.DagsterInstance, fund_ids: Iterable[str | None]) -> list[str]:
    """Make a partition of each fund that has none yet; the keys added."""
    keys = new_fund_keys(instance, fund_ids)
    if keys:
        instance.add_dynamic_partitions("funds", keys)
    return keys
