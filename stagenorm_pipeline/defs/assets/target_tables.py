"""The tables of the targets as external assets: stagenorm does not make them, but reads and updates them.

They are upstream of `stage_inventory`. They are downstream of `normalized_stages` too, but a graph has no cycles, so
that direction is only in the metadata.
"""

import re
from collections.abc import Mapping, Sequence

import dagster as dg

from stagenorm_pipeline.config.configuration import TargetSetting
from stagenorm_pipeline.defs.assets.asset_names import GROUP, KEY_PREFIX, NORMALIZED_STAGES
from stagenorm_pipeline.engine.inventory.inventory import TargetInventory
from stagenorm_pipeline.engine.targets.columns import Column
from stagenorm_pipeline.report.escape import for_markdown

# Dagster makes names of Python identifiers from the keys of what an asset depends on.
_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9_.]")


def target_key(target: TargetSetting) -> dg.AssetKey:
    """Return the key of the target's table: `stagenorm/targets/crm/rounds.stage`; without the schema if none is set."""
    schema = [target.schema] if target.schema else []
    parts = [*schema, f"{target.table}.{target.column}"]
    return dg.AssetKey([KEY_PREFIX, "targets", *(_NOT_ALLOWED.sub(_hexadecimal, part) for part in parts)])


def target_specs(targets: Sequence[TargetSetting]) -> list[dg.AssetSpec]:
    """Return one external asset per configured target."""
    return [
        dg.AssetSpec(
            target_key(target),
            description=f"A table of your database, with investment stages in the column "
            f"{for_markdown(target.column)}. stagenorm reads it and updates that column, nothing else. This "
            "page shows the rows and columns that stage_inventory last saw.",
            group_name=GROUP,
            kinds={"postgres", "table"},
            metadata={
                "dagster/table_name": _table_name(target),
                "changed by": dg.MetadataValue.asset(NORMALIZED_STAGES),
            },
        )
        for target in targets
    ]


def changed_targets(targets: Sequence[TargetSetting]) -> Mapping[str, dg.MetadataValue]:
    """Return the metadata of `normalized_stages` that links to each table it changes.

    Numbered: with the names of the tables, the page was cut at 1,280 pixels.
    """
    return {f"changes {number}": dg.MetadataValue.asset(target_key(target)) for number, target in enumerate(targets, 1)}


def target_seen(
    target: TargetSetting, inventory: TargetInventory, columns: Sequence[Column]
) -> dg.AssetMaterialization:
    """Return what the inventory saw of a table: its rows and its columns, under the names that Dagster shows.

    A materialization, because the table's page shows the columns of no other event.
    """
    schema = dg.TableSchema(
        columns=[
            dg.TableColumn(column.name, column.type, constraints=dg.TableColumnConstraints(nullable=column.is_nullable))
            for column in columns
        ]
    )
    return dg.AssetMaterialization(
        target_key(target),
        metadata={
            "dagster/table_name": inventory.target.table_name,
            "dagster/row_count": inventory.counts.rows_seen,
            "dagster/column_schema": schema,
        },
    )


def _table_name(target: TargetSetting) -> str:
    return ".".join(part for part in (target.schema, target.table) if part)


def _hexadecimal(character: re.Match[str]) -> str:
    return f"_x{ord(character[0]):x}_"
