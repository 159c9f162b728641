"""What somebody asks for: the scope and settings that planning, applying and verifying share."""

from dataclasses import dataclass, field

from stagenorm_pipeline.config.settings import DEFAULT_TARGETS, TargetSetting
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.errors import ConfigurationError
from stagenorm_pipeline.vocabulary import Vocabulary

DEFAULT_BATCH_SIZE = 5_000
DEFAULT_SLEEP_MS = 100
# One batch is one transaction: beyond this it holds locks longer than a user should wait.
LARGEST_BATCH_SIZE = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """What to plan. `batch_size` in rows. Raises ConfigurationError for a size out of bounds."""

    vocabulary: Vocabulary
    targets: tuple[TargetSetting, ...] = DEFAULT_TARGETS
    scope: FundScope = field(default_factory=FundScope)
    batch_size: int = DEFAULT_BATCH_SIZE

    def __post_init__(self) -> None:
        if not 1 <= self.batch_size <= LARGEST_BATCH_SIZE:
            raise ConfigurationError(
                f"A batch size of {self.batch_size} is out of bounds.",
                remedy=f"Choose 1 to {LARGEST_BATCH_SIZE} rows; 1000 is gentle, 5000 balanced, 10000 fast.",
            )
