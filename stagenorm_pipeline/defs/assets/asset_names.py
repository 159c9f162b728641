"""The keys of the assets and what follows from them: the addresses of their pages, the names of their ops."""

import dagster as dg

# A Dagster instance may be shared with other projects, so every key starts with this.
KEY_PREFIX = "stagenorm"

# One group, so that the lineage page shows all assets together.
GROUP = "stage_normalization"

STAGE_INVENTORY = dg.AssetKey([KEY_PREFIX, "stage_inventory"])
BATCH_PLAN = dg.AssetKey([KEY_PREFIX, "batch_plan"])
NORMALIZED_STAGES = dg.AssetKey([KEY_PREFIX, "normalized_stages"])
VERIFICATION_REPORT = dg.AssetKey([KEY_PREFIX, "verification_report"])


def page_path(key: dg.AssetKey, query: str = "") -> str:
    """Return the path of an asset's page in the Dagster UI, for a link."""
    return f"/assets/{'/'.join(key.path)}" + (f"?{query}" if query else "")


def page_link(key: dg.AssetKey, query: str = "") -> str:
    """Return a Markdown link to an asset's page, with the asset's name as its text."""
    return f"[{key.path[-1]}]({page_path(key, query)})"


def op_name(key: dg.AssetKey) -> str:
    """Return the name of an asset's op, by which run config names the asset."""
    return "__".join(key.path)
