"""The request for a plan, and the limits of a batch."""

from dataclasses import dataclass, field

from stagenorm_pipeline.config.configuration import DEFAULT_TARGETS, TargetSetting
from stagenorm_pipeline.config.presets import Preset
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.errors import ConfigurationError
from stagenorm_pipeline.vocabulary import Vocabulary

DEFAULT_BATCH_SIZE = 5_000
DEFAULT_SLEEP_MS = 100
# A batch is one transaction: a larger one would hold its locks longer than a user should wait.
MAX_BATCH_SIZE = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """What to plan. `batch_size` in rows. Raises ConfigurationError for a size out of bounds.

    `preset`: recorded for the runs of the plan; None if none was chosen.
    """

    vocabulary: Vocabulary
    targets: tuple[TargetSetting, ...] = DEFAULT_TARGETS
    scope: FundScope = field(default_factory=FundScope)
    batch_size: int = DEFAULT_BATCH_SIZE
    preset: Preset | None = None

    def __post_init__(self) -> None:
        require_batch_size(self.batch_size)


def require_batch_size(rows: int) -> None:
    """Raise ConfigurationError if a batch of so many rows is empty or too large."""
    if not 1 <= rows <= MAX_BATCH_SIZE:
        raise ConfigurationError(
            f"A batch size of {rows:,} is out of bounds.",
            remedy=f"Choose 1 to {MAX_BATCH_SIZE:,} rows; 1,000 is gentle, 5,000 balanced, 10,000 fast.",
        )
