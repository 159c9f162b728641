"""Imports and reads what the programs import and read that tests fork. The process that forks them imports this module.

Only what is the same for every program: modules, and files of the package. It took half of the time of most programs.
"""

import gc

import click
import rapidfuzz.distance
import rapidfuzz.fuzz
import rich.cells

from stagenorm_pipeline.cli.main import main
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.report.page_templates import templates
from stagenorm_pipeline.vocabulary import Vocabulary
from stagenorm_pipeline_tests.support import engine_calls, forked_programs

__all__ = ["engine_calls", "forked_programs", "rapidfuzz"]

for name in main.list_commands(click.Context(main)):
    main.get_command(click.Context(main), name)

# These import modules and compile templates when they are first used. None of them connects.
Database.at("postgresql:///").close()
Vocabulary.built_in()
rich.cells.cell_len("\u4e2d")
for page in ("verification.html.jinja", "parts.html.jinja"):
    templates("templates").get_template(page)

# A program that is forked then neither looks through the imported objects nor copies their memory.
gc.freeze()
