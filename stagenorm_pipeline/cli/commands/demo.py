"""`stagenorm demo`."""

import sys

import click


@click.command("demo")
def command() -> None:
    """Try the whole runbook on 60,000 made-up rows on an embedded PostgreSQL. Needs no DATABASE_URL.

    \b
    Examples:
      stagenorm demo
    """
    from stagenorm_pipeline.local.demo import run_demo

    sys.exit(run_demo())
