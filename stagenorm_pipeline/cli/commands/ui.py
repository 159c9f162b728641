"""`stagenorm ui`."""

import click

from stagenorm_pipeline.errors import ConfigurationError

_PORT, _READ_ONLY_PORT = 3000, 3001


@click.command("ui")
@click.option(
    "--port",
    type=click.IntRange(1, 65_535),
    help=f"Port of the page.  [default: {_PORT}, read-only {_READ_ONLY_PORT}]",
)
@click.option("--read-only", is_flag=True, help="For reviewers: the pages alone, on which nothing can be started.")
@click.option("--host", help="With --read-only: another address to listen on. The pages ask for no password.")
def command(port: int | None, read_only: bool, host: str | None) -> None:
    """Serve the Dagster UI on http://127.0.0.1:3000, daemon included. Ctrl-C stops all of it.

    Works on DATABASE_URL, or where it is not set on the demo's embedded PostgreSQL. With --read-only it shows the
    same reports and runs on a port of its own, beside the other one or without it, and needs no DATABASE_URL.

    \b
    Examples:
      stagenorm ui
      stagenorm ui --port 3001
      stagenorm ui --read-only
    """
    from stagenorm_pipeline.cli.interrupt import second_interrupt_ends
    from stagenorm_pipeline.local.dagster_services import LOOPBACK, Address
    from stagenorm_pipeline.local.ui import run_read_only_ui, run_ui

    # Ending Dagster's processes takes up to 10 s.
    second_interrupt_ends()
    if read_only:
        run_read_only_ui(Address(port=port or _READ_ONLY_PORT, host=host or LOOPBACK))
    elif host:
        raise ConfigurationError(
            "--host is for --read-only alone: whoever reaches the other page can change business data.",
            remedy="Leave it out, and let people in through a tunnel or a proxy that asks who they are.",
        )
    else:
        run_ui(Address(port=port or _PORT))
