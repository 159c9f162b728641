"""`stagenorm resume`."""

from typing import Literal

import click

from stagenorm_pipeline.cli.apply_output import apply_and_report, read_limits, read_pace
from stagenorm_pipeline.cli.options import (
    LimitOptions,
    PaceOptions,
    ScopeOptions,
    limit_options,
    pace_options,
    scope_options,
)
from stagenorm_pipeline.cli.preflight_output import require_ready
from stagenorm_pipeline.cli.sources import say_sources
from stagenorm_pipeline.service.context import open_service


@click.command("resume")
@scope_options
@click.option("--batch-size", type=click.Choice(["auto"]), help="Group batches into transactions of half a second.")
@pace_options
@limit_options
def command(chosen: ScopeOptions, batch_size: Literal["auto"] | None, pace: PaceOptions, limits: LimitOptions) -> None:
    """Continue open plans: pending batches, batches of a runner that died, and the refused rows of failed batches.

    \b
    Examples:
      stagenorm resume                    all that is open
      stagenorm resume --fund-id 123      what is left of one fund
      stagenorm resume --sleep-ms 1000    gentler than before
    """
    with open_service(interface="cli", with_vocabulary=True) as context:
        asked = read_limits(limits)
        require_ready(context, chosen.targets(context))
        say_sources(context)
        apply_and_report(context, chosen.select(context), read_pace(pace, batch_size), asked)
