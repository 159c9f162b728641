"""Dagster partitions, one per fund: `fund-<fund_id>`, and `no-fund` for rows without a fund.

Partitions are only added. A fund that is gone from the database keeps its partition and its history.
"""

from collections.abc import Iterable

import dagster as dg

from stagenorm_pipeline.engine.targets.funds import fund_id_of, fund_key, fund_order
from stagenorm_pipeline.errors import ConfigurationError

# Every project of a Dagster instance shares the names of dynamic partitions, so this one is specific.
FUNDS = "stagenorm_funds"
_NAME_BEFORE = "funds"

funds = dg.DynamicPartitionsDefinition(name=FUNDS)


def new_fund_keys(instance: dg.DagsterInstance, fund_ids: Iterable[str | None]) -> list[str]:
    """Return the keys of the funds without a partition, numbers in numeric order."""
    known = set(instance.get_dynamic_partitions(FUNDS))
    return [key for key in map(fund_key, sorted(set(fund_ids), key=fund_order)) if key not in known]


def add_fund_keys(instance: dg.DagsterInstance, fund_ids: Iterable[str | None]) -> list[str]:
    """Add a partition for each fund that has none. Returns the added keys."""
    keys = new_fund_keys(instance, fund_ids)
    if keys:
        instance.add_dynamic_partitions(FUNDS, keys)
    return keys


def copy_fund_keys_of_old_name(instance: dg.DagsterInstance) -> None:
    """Add the partitions that an earlier version kept under `funds`, unless there are partitions already.

    Keys that are not of a fund stay behind: another project may use the old name. The old name keeps its keys.
    """
    if not instance.get_dynamic_partitions(FUNDS):
        old_keys = instance.get_dynamic_partitions(_NAME_BEFORE)
        add_fund_keys(instance, [fund_id_of(key) for key in old_keys if _is_fund_key(key)])


def _is_fund_key(key: str) -> bool:
    try:
        fund_id_of(key)
    except ConfigurationError:
        return False
    return True
