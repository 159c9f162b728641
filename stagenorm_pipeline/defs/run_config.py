"""What the launchpad asks for, typed, with defaults: the runbook's settings, its three presets, and `auto`."""

from typing import Final, Literal

import dagster as dg
from pydantic import Field

from stagenorm_pipeline.config.auto_batch_size import AUTO_BATCH_ROWS
from stagenorm_pipeline.engine.verify.verification import DEFAULT_SAMPLE_SIZE
from stagenorm_pipeline.errors import ConfigurationError

Preset = Literal["conservative", "balanced", "aggressive", "auto"]

# Rows in a batch, and the pause between two in milliseconds: the runbook's recommended production settings; and what
# `stagenorm run --batch-size auto` takes.
_PRESETS: Final[dict[Preset, tuple[int, int]]] = {
    "conservative": (1_000, 500),
    "balanced": (5_000, 100),
    "aggressive": (10_000, 0),
    "auto": (AUTO_BATCH_ROWS, 100),
}

# The launchpad shows a field only where its default is something: so "as the preset says" is a number, and "all" is
# an empty text. Zero milliseconds is a rest that people choose.
_AS_THE_PRESET: Final = -1

# Beyond this it is no rest but a pause, which has a switch of its own.
_LONGEST_SLEEP_MS = 600_000

_TABLE = (
    "Work on one table only, by its name (or schema.table, or schema.table.column). Empty: on every configured table."
)


class PlanConfig(dg.Config):
    """Settings of a plan. Of dry_run, rehearse, draft and open_draft one at most."""

    preset: Preset = Field(
        default="balanced",
        description="How many rows one batch changes: conservative 1000 (for production with replicas), "
        "balanced 5000, aggressive 10000 (for a maintenance window). auto: 500, for normalized_stages to take several "
        "at once; choose auto there as well.",
    )
    batch_size: int = Field(
        default=_AS_THE_PRESET, description="Most rows that one batch changes, 1 to 100000. -1: what the preset says."
    )
    table: str = Field(default="", description=_TABLE)
    fund: str = Field(
        default="",
        description="Plan one fund only, by its partition fund-<fund_id> or its id, or no-fund for the rows without "
        "one. Empty: all funds.",
    )
    dry_run: bool = Field(
        default=False,
        description="Only show what the plan would be: nothing is recorded, and open plans stay as they are.",
    )
    rehearse: bool = Field(
        default=False,
        description="Record the plan as a draft, execute every batch of it and roll each back: triggers and "
        "constraints speak now, and nothing is changed. Each batch holds its row locks as the real run would.",
    )
    draft: bool = Field(
        default=False, description="Record the plan, but leave it as a draft: nothing of it runs until it is opened."
    )
    open_draft: int = Field(
        default=0,
        description="Open this recorded draft, reviewed or rehearsed, by its plan_id, instead of making a new plan. "
        "0: make a new one.",
    )

    @property
    def rows_in_a_batch(self) -> int:
        return _PRESETS[self.preset][0] if self.batch_size == _AS_THE_PRESET else self.batch_size

    def require_one_way(self) -> None:
        """Raises ConfigurationError when it asks for two things at once."""
        ways = {
            "dry_run": self.dry_run,
            "rehearse": self.rehearse,
            "draft": self.draft,
            "open_draft": bool(self.open_draft),
        }
        asked = [name for name, is_asked in ways.items() if is_asked]
        if len(asked) > 1:
            raise ConfigurationError(
                f"{' and '.join(asked)} exclude each other.", remedy="Set one of them in the launchpad."
            )


class ApplyConfig(dg.Config):
    """Settings of applying a plan's batches."""

    preset: Preset = Field(
        default="balanced",
        description="How long to rest between two transactions, so that replicas keep up: conservative 500 ms, "
        "balanced 100 ms, aggressive 0 ms; each is one batch, and how large that is was settled with the plan. "
        "auto: 100 ms, and each takes as many batches of the fund as half a second allows: where triggers or indexes "
        "make the rows of unknown cost. It works on any plan, best on one that was made with auto.",
    )
    sleep_ms: int = Field(
        default=_AS_THE_PRESET,
        description="Milliseconds to rest between two transactions, 0 to 600000. -1: what the preset says.",
    )
    no_lag_check: bool = Field(
        default=False,
        description="Do not wait for replicas. All other bounds at which a run holds are in stagenorm.toml.",
    )
    table: str = Field(default="", description=_TABLE)

    @property
    def is_paced(self) -> bool:
        """Whether a transaction takes several batches, by how long the last ones took."""
        return self.preset == "auto"

    @property
    def rest_ms(self) -> int:
        """Raises ConfigurationError when it is out of bounds."""
        rest_ms = _PRESETS[self.preset][1] if self.sleep_ms == _AS_THE_PRESET else self.sleep_ms
        if not 0 <= rest_ms <= _LONGEST_SLEEP_MS:
            raise ConfigurationError(
                f"A rest of {rest_ms} ms between two batches is out of bounds.",
                remedy=f"Choose 0 to {_LONGEST_SLEEP_MS} as sleep_ms; to stop all work for longer, run pause_job.",
            )
        return rest_ms


class VerifyConfig(dg.Config):
    """Settings of a verification. It is always of every table and fund: a part would overwrite the whole's verdicts."""

    strict: bool = Field(default=False, description="Count every warning as a failure.")
    sample_size: int = Field(
        default=DEFAULT_SAMPLE_SIZE, description="How many changed rows to show, drawn at random, for manual review."
    )
    sample_seed: int = Field(default=0, description="Which random sample: the same seed draws the same rows again.")
