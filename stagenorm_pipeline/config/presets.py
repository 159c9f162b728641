"""The runbook's three recommended settings, and `auto`."""

from dataclasses import dataclass
from typing import Final, Literal

from stagenorm_pipeline.config.auto_batch_size import AUTO_BATCH_ROWS

Preset = Literal["conservative", "balanced", "aggressive", "auto"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PresetSettings:
    """Rows per batch, and milliseconds of sleep between two transactions."""

    rows_per_batch: int
    sleep_ms: int


PRESETS: Final[dict[Preset, PresetSettings]] = {
    "conservative": PresetSettings(rows_per_batch=1_000, sleep_ms=500),
    "balanced": PresetSettings(rows_per_batch=5_000, sleep_ms=100),
    "aggressive": PresetSettings(rows_per_batch=10_000, sleep_ms=0),
    # As `stagenorm run --batch-size auto`.
    "auto": PresetSettings(rows_per_batch=AUTO_BATCH_ROWS, sleep_ms=100),
}
DEFAULT_PRESET: Final[Preset] = "balanced"
