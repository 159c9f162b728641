"""What every asset of the graph has in common."""

from collections.abc import Sequence

# One group: with several, Dagster's graph opens with closed boxes instead of the four assets and their arrows.
GROUP = "stage_normalization"
OWNERS: Sequence[str] = ("team:data-platform",)
