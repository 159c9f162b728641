"""The launchpad settings of the assets and jobs: the runbook's options, its three presets, and `auto`."""

from typing import Final, Literal

import dagster as dg
from pydantic import Field

from stagenorm_pipeline.config.limits import Limits, parse_until
from stagenorm_pipeline.config.presets import PRESETS, Preset
from stagenorm_pipeline.engine.verify.verification import DEFAULT_SAMPLE_SIZE
from stagenorm_pipeline.errors import ConfigurationError
from stagenorm_pipeline.service.applying import Pace
from stagenorm_pipeline.service.context import ServiceContext
from stagenorm_pipeline.service.planning import read_preset

# The launchpad shows only fields with a default, so None is no option. 0 is taken: it is a valid sleep.
_FROM_PRESET: Final = -1

# For longer breaks there is the pause switch.
_LONGEST_SLEEP_MS = 600_000

_TABLE = "One table only: its name, schema.table, or schema.table.column. Empty: every configured table."


class DryRunConfig(dg.Config):
    """Launchpad settings of `dry_run_job`, which `batch_plan` has as well."""

    preset: Preset = Field(
        default="balanced",
        description="Rows per batch: conservative 1,000 (for production with replicas), balanced 5,000, aggressive "
        "10,000 (for a maintenance window), auto 500. The plan keeps its preset, and its runs use it: they sleep 500, "
        "100, 0 or 100 ms between two transactions, and with auto a transaction takes several batches.",
    )
    batch_size: int = Field(
        default=_FROM_PRESET, description="Maximum rows per batch, 1 to 100,000. -1: from the preset."
    )
    table: str = Field(default="", description=_TABLE)
    fund: str = Field(
        default="",
        description="Plan one fund only: fund-<fund_id>, the fund's id, or no-fund for rows without a fund. Empty: all "
        "funds.",
    )

    @property
    def rows_per_batch(self) -> int:
        return PRESETS[self.preset].rows_per_batch if self.batch_size == _FROM_PRESET else self.batch_size

    @property
    def pace(self) -> Pace:
        """The pace of the plan's runs, unless their launchpad says otherwise."""
        return Pace(sleep_ms=PRESETS[self.preset].sleep_ms, is_auto=self.preset == "auto")


class PlanConfig(DryRunConfig):
    """Launchpad settings of `batch_plan`. At most one of rehearse, draft and open_draft."""

    rehearse: bool = Field(
        default=False,
        description="Record the plan as a draft, execute every batch and roll it back. This shows what triggers and "
        "constraints would refuse, and changes nothing. Each batch locks its rows as the real run would.",
    )
    draft: bool = Field(
        default=False, description="Record the plan as a draft. No runner applies it until you open it."
    )
    open_draft: int = Field(
        default=0,
        description="Open the draft with this plan_id instead of making a new plan. 0: make a new plan.",
    )

    def require_one_mode(self) -> None:
        """Raise ConfigurationError if more than one mode is set."""
        modes = {
            "rehearse": self.rehearse,
            "draft": self.draft,
            "open_draft": bool(self.open_draft),
        }
        chosen = [name for name, is_set in modes.items() if is_set]
        if len(chosen) > 1:
            raise ConfigurationError(
                f"{' and '.join(chosen)} exclude each other.", remedy="Set one of them in the launchpad."
            )


class ApplyConfig(dg.Config):
    """Launchpad settings of `normalized_stages`."""

    preset: Literal["plan", Preset] = Field(
        default="plan",
        description="Sleep between two transactions, so that replicas keep up: conservative 500 ms, balanced 100 ms, "
        "aggressive 0 ms. Each transaction is one batch of the plan. auto: 100 ms, and each transaction takes as many "
        "batches of the fund as half a second allows. Use it when triggers or indexes make the cost of a row unknown. "
        "plan: the preset that was chosen for the plan; balanced if none was.",
    )
    sleep_ms: int = Field(
        default=_FROM_PRESET,
        description="Milliseconds to sleep between two transactions, 0 to 600,000. -1: from the preset.",
    )
    no_lag_check: bool = Field(
        default=False,
        description="Do not wait for replicas. All other throttlers are set in stagenorm.toml.",
    )
    table: str = Field(default="", description=_TABLE)

    def pace(self, service: ServiceContext, *, parallel: int = 1) -> Pace:
        """Return the pace, with the preset of the open plan if none is chosen. Raises ConfigurationError."""
        preset = read_preset(service) if self.preset == "plan" else self.preset
        sleep_ms = PRESETS[preset].sleep_ms if self.sleep_ms == _FROM_PRESET else self.sleep_ms
        if not 0 <= sleep_ms <= _LONGEST_SLEEP_MS:
            raise ConfigurationError(
                f"sleep_ms is {sleep_ms:,}, which is out of bounds.",
                remedy=f"Set it to 0 to {_LONGEST_SLEEP_MS:,}. To stop all runners for longer, run pause_job.",
            )
        return Pace(sleep_ms=sleep_ms, no_lag_check=self.no_lag_check, is_auto=preset == "auto", parallel=parallel)


class NormalizeAllConfig(ApplyConfig):
    """Launchpad settings of `normalize_all_job`."""

    funds: list[str] = Field(
        default=[],
        description="Only these funds, each as fund-<fund_id>, the fund's id, or no-fund for rows without a fund. "
        "Empty: every fund with batches in an open plan.",
    )
    parallel: int = Field(
        default=1,
        description="How many sessions apply batches at the same time. Two come close to the speed of a single UPDATE; "
        "more help where the network is slow.",
    )
    canary: int = Field(
        default=0,
        description="Apply whole batches across funds until they have this many rows, verify them by rules 1 to 5, and "
        "go on only if nothing is wrong. 0: no canary.",
    )
    max_rows: int = Field(default=0, description="Start no batch once the run has applied this many rows. 0: no limit.")
    until: str = Field(
        default="", description="Start no batch after this time, such as 05:00, by the clock of the run's machine."
    )
    exclude_funds: list[str] = Field(
        default=[],
        description="Leave these funds out, besides protected_funds in stagenorm.toml.",
    )

    @property
    def limits(self) -> Limits:
        """Return how much to apply. Raises ConfigurationError."""
        return Limits(
            canary_rows=self.canary or None,
            max_rows=self.max_rows or None,
            until=parse_until(self.until) if self.until else None,
            exclude_funds=tuple(self.exclude_funds),
        )


def limits_config(limits: Limits) -> dict[str, object]:
    """Return limits as launchpad settings of `normalize_all_job`."""
    return {
        "canary": limits.canary_rows or 0,
        "max_rows": limits.max_rows or 0,
        "until": f"{limits.until:%H:%M}" if limits.until else "",
        "exclude_funds": list(limits.exclude_funds),
    }


class VerifyConfig(dg.Config):
    """Launchpad settings of `verification_report`.

    No table or fund: a partial verification would overwrite the verdicts of the full one.
    """

    strict: bool = Field(default=False, description="Count every warning as a failure.")
    sample_size: int = Field(
        default=DEFAULT_SAMPLE_SIZE, description="Number of changed rows to draw at random for manual review."
    )
    sample_seed: int = Field(
        default=0, description="Seed of the random sample. The same seed draws the same rows again."
    )
