"""`stagenorm resume`."""

from typing import Literal

import click

from stagenorm_pipeline.cli.apply_output import Pace, apply_and_report, pace_options
from stagenorm_pipeline.cli.database import open_database
from stagenorm_pipeline.cli.preflight_output import require_ready
from stagenorm_pipeline.cli.scope_options import read_work, scope_options


@click.command("resume")
@scope_options
@click.option("--batch-size", type=click.Choice(["auto"]), help="Several batches a transaction, for half a second.")
@pace_options
def command(
    fund_id: str | None, no_fund: bool, table: str | None, batch_size: Literal["auto"] | None, pace: Pace
) -> None:
    """Go on with open plans: pending batches, failed ones (of those, the refused rows only), and abandoned ones.

    \b
    Examples:
      stagenorm resume                    all that is open
      stagenorm resume --fund-id 123      what is left of one fund
      stagenorm resume --sleep-ms 1000    gentler than before
    """
    work = read_work(fund_id, no_fund, table)
    vocabulary = work.vocabulary()
    with open_database() as database:
        require_ready(database, work)
        work = work.with_known_fund(database)
        apply_and_report(database, work, None, pace, vocabulary, batch_size=batch_size)
