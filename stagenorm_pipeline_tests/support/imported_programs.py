"""Imports what the programs import that tests fork. The process that forks them imports this module."""

import gc

import click

from stagenorm_pipeline.cli.main import main
from stagenorm_pipeline_tests.support import engine_calls, forked_programs

__all__ = ["engine_calls", "forked_programs"]

for name in main.list_commands(click.Context(main)):
    main.get_command(click.Context(main), name)

# A program that is forked then neither looks through the imported objects nor copies their memory.
gc.freeze()
