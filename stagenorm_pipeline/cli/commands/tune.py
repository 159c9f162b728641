"""`stagenorm tune`."""

from __future__ import annotations

import click

from stagenorm_pipeline.cli.screen import tell
from stagenorm_pipeline.config.parallel import MOST_SESSIONS
from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.engine.apply.tuning import Tuning
from stagenorm_pipeline.errors import ConfigurationError
from stagenorm_pipeline.service import monitoring
from stagenorm_pipeline.service.context import open_service


@click.command("tune")
@click.option("--sleep-ms", type=click.IntRange(0, 3_600_000), help="Sleep between two batches, in milliseconds.")
@click.option(
    "--target-ms", type=click.IntRange(10, 60_000), help="How long a transaction of --batch-size auto should take."
)
@click.option("--parallel", type=click.IntRange(1, MOST_SESSIONS), help="How many sessions each runner has.")
@click.option("--reset", is_flag=True, help="Return every runner to the pace that it was started with.")
def command(sleep_ms: int | None, target_ms: int | None, parallel: int | None, reset: bool) -> None:
    """Change the pace of every runner while it works: on any machine, in Dagster too. It holds until --reset.

    A runner obeys from its next batch on. `stagenorm status` shows what is set.

    \b
    Examples:
      stagenorm tune --sleep-ms 500      gentler
      stagenorm tune --target-ms 100     shorter transactions of --batch-size auto
      stagenorm tune --parallel 4        four sessions in each runner
      stagenorm tune --reset
    """
    tuning = Tuning(sleep_ms=sleep_ms, target_ms=target_ms, parallel=parallel)
    if reset == (tuning != Tuning()):
        raise ConfigurationError("Give either a pace or --reset.", remedy="For example: stagenorm tune --sleep-ms 500")
    with open_service(interface="cli") as context:
        if reset:
            monitoring.reset_tuning(context)
            tell("Every runner goes back to the pace it was started with.")
            return
        monitoring.tune(context, tuning)
        spare = monitoring.read_spare_connections(context)
    tell("Set: every runner obeys from its next batch on. To undo it: stagenorm tune --reset")
    if parallel is not None and spare < parallel - 1:
        free = counted(spare, "free connection")
        tell(f"The server has {free} for this role now. A runner adds no more sessions than that.")
