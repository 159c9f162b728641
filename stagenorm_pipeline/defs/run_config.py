"""What the launchpad asks for, typed, with defaults: the runbook's settings and its three presets."""

from typing import Final, Literal

import dagster as dg
from pydantic import Field

from stagenorm_pipeline.engine.verification.verify import DEFAULT_SAMPLE_SIZE

Preset = Literal["conservative", "balanced", "aggressive"]

# Rows in a batch, and the pause between two in milliseconds: the runbook's recommended production settings.
_PRESETS: Final[dict[Preset, tuple[int, int]]] = {
    "conservative": (1_000, 500),
    "balanced": (5_000, 100),
    "aggressive": (10_000, 0),
}

_TABLE = (
    "Work on one table only, by its name (or schema.table, or schema.table.column). Empty: on every configured table."
)


class PlanConfig(dg.Config):
    """Settings of a plan."""

    preset: Preset = Field(
        default="balanced",
        description="How many rows one batch changes: conservative 1000 (for production with replicas), "
        "balanced 5000, aggressive 10000 (for a maintenance window).",
    )
    batch_size: int | None = Field(
        default=None, description="Most rows that one batch changes, 1 to 100000. Empty: what the preset says."
    )
    table: str | None = Field(default=None, description=_TABLE)
    dry_run: bool = Field(
        default=False,
        description="Only show what the plan would be: nothing is recorded, and open plans stay as they are.",
    )

    @property
    def rows_in_a_batch(self) -> int:
        return _PRESETS[self.preset][0] if self.batch_size is None else self.batch_size


class ApplyConfig(dg.Config):
    """Settings of applying a plan's batches."""

    preset: Preset = Field(
        default="balanced",
        description="How long to rest between two batches, so that replicas keep up: conservative 500 ms, "
        "balanced 100 ms, aggressive 0 ms. How large a batch is was settled with the plan.",
    )
    sleep_ms: int | None = Field(
        default=None, description="Milliseconds to rest between two batches. Empty: what the preset says."
    )
    table: str | None = Field(default=None, description=_TABLE)

    @property
    def rest_ms(self) -> int:
        return _PRESETS[self.preset][1] if self.sleep_ms is None else self.sleep_ms


class VerifyConfig(dg.Config):
    """Settings of a verification. It is always of every table and fund: a part would overwrite the whole's verdicts."""

    strict: bool = Field(default=False, description="Count every warning as a failure.")
    sample_size: int = Field(
        default=DEFAULT_SAMPLE_SIZE, description="How many changed rows to show, drawn at random, for manual review."
    )
    sample_seed: int = Field(default=0, description="Which random sample: the same seed draws the same rows again.")
