"""Write the review page, with examples where the configuration allows them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from stagenorm_pipeline.engine.inventory.examples import read_examples
from stagenorm_pipeline.output_files import replace_file
from stagenorm_pipeline.report.review_page.page import ReviewPage, review_page_html
from stagenorm_pipeline.service.context import ServiceContext
from stagenorm_pipeline.service.deciding import UndecidedSpellings, decisions_in_force
from stagenorm_pipeline.service.selecting import Selection


def write_review_page(context: ServiceContext, found: UndecidedSpellings, path: Path, *, selection: Selection) -> None:
    """Write the page for the undecided spellings of a selection. Reads the examples by primary key."""
    page = ReviewPage(
        database=context.database.name,
        decisions=str(decisions_in_force(context.configuration)),
        made_on=date.today().isoformat(),
        stages=found.decided.aliases.canonical,
        clusters=found.clusters,
        examples=_examples(context, found, selection),
    )
    replace_file(path, review_page_html(page))


def _examples(
    context: ServiceContext, found: UndecidedSpellings, selection: Selection
) -> Mapping[str, tuple[str, ...]]:
    columns = [setting.example_column for setting in selection.targets]
    examples: dict[str, tuple[str, ...]] = defaultdict(tuple)
    if any(columns):
        with context.database.snapshot() as connection:
            for column, inventory in zip(columns, found.inventories, strict=True):
                if column is not None:
                    for spelling, texts in read_examples(connection, inventory, column).items():
                        examples[spelling] += texts
    return examples
