"""What every asset of the graph has in common."""

from collections.abc import Sequence

# One group, so that the graph is one picture: four assets in a row.
GROUP = "stage_normalization"
OWNERS: Sequence[str] = ("team:data-platform",)
