"""The names that all assets share, and the names by which other definitions refer to an asset."""

from collections.abc import Sequence

# One group, so that the lineage page shows all four assets in one row.
GROUP = "stage_normalization"
OWNERS: Sequence[str] = ("team:data-platform",)

BATCH_PLAN = "batch_plan"
NORMALIZED_STAGES = "normalized_stages"
VERIFICATION_REPORT = "verification_report"
