"""What every asset of the graph has in common, and the names by which others speak of one."""

from collections.abc import Sequence

# One group, so that the graph is one picture: four assets in a row.
GROUP = "stage_normalization"
OWNERS: Sequence[str] = ("team:data-platform",)

BATCH_PLAN = "batch_plan"
NORMALIZED_STAGES = "normalized_stages"
VERIFICATION_REPORT = "verification_report"
