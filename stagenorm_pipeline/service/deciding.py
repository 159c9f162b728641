"""Write undecided spellings into the decisions file, for a person to decide."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stagenorm_pipeline.engine.inventory.inventory import count_unknown_spellings, undecided_spellings
from stagenorm_pipeline.output_files import replace_file
from stagenorm_pipeline.service.context import ServiceContext
from stagenorm_pipeline.service.inventory import read_inventory
from stagenorm_pipeline.service.selecting import Selection
from stagenorm_pipeline.vocabulary import Undecided, read_decisions_text, with_undecided

# A file of some 5 MB, and a few hundred MB of memory at the worst. Those with fewer rows follow in the next round.
_WRITTEN_AT_ONCE = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class UndecidedSpellings:
    """What was written into the decisions file.

    `too_long`: spellings over 1,000 characters, which cannot be decided. `left_for_later`: those with fewer rows than
    the ones written.
    """

    path: Path
    undecided: tuple[Undecided, ...]
    too_long: int
    left_for_later: int


def write_undecided(context: ServiceContext, *, selection: Selection) -> UndecidedSpellings:
    """Add every undecided spelling to the decisions file, most rows first. Entries and comments in it stay."""
    path = context.configuration.decisions
    before = read_decisions_text(path) if path.exists() else ""
    inventories = read_inventory(context, selection=selection, unknown_kept=_WRITTEN_AT_ONCE).targets
    undecided = undecided_spellings(inventories)
    text = with_undecided(before, str(path), undecided)
    if text != before:
        replace_file(path, text)
    too_long = sum(total.is_cut for inventory in inventories for total in inventory.unknown)
    return UndecidedSpellings(
        path=path,
        undecided=undecided,
        too_long=too_long,
        left_for_later=max(count_unknown_spellings(inventories) - len(undecided) - too_long, 0),
    )
