"""Decide what undecided spellings mean: list them in clusters, record decisions, merge those of reviewers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from stagenorm_pipeline.config.configuration import Configuration
from stagenorm_pipeline.engine.inventory.inventory import TargetInventory, count_unknown_spellings, undecided_spellings
from stagenorm_pipeline.output_files import replace_file
from stagenorm_pipeline.service.context import ServiceContext, load_aliases
from stagenorm_pipeline.service.inventory import read_inventory
from stagenorm_pipeline.service.selecting import Selection
from stagenorm_pipeline.vocabulary import (
    AliasTable,
    Cluster,
    Decision,
    DecisionPatch,
    Decisions,
    DecisionsInForce,
    LookUp,
    MergedPatches,
    Undecided,
    clusters_of,
    look_up,
    merge_patches,
    parse_decisions,
    read_decisions_text,
    spelling_sha256,
    with_decisions,
    with_undecided,
)

# At worst a file of 5 MB and a few hundred MB of memory. Spellings with fewer rows follow in the next round.
_AT_ONCE = 20_000


@dataclass(frozen=True, kw_only=True)
class UndecidedSpellings:
    """The unknown spellings that nobody has decided.

    `decided`: the entries of the decisions file. `too_long`: spellings over 1,000 characters, which cannot be decided.
    `left_for_later`: those with fewer rows than the ones listed. `inventories`: where the spellings are, by target.
    """

    path: Path
    undecided: tuple[Undecided, ...]
    decided: Decisions
    too_long: int
    left_for_later: int
    inventories: tuple[TargetInventory, ...] = field(default=(), repr=False)

    @cached_property
    def clusters(self) -> tuple[Cluster, ...]:
        """The spellings in clusters, most rows first, with proposals that agree with earlier decisions.

        15,738 spellings took 1.8 s of CPU time.
        """
        return clusters_of(self.undecided, self.decided)

    def by_sha256(self) -> Mapping[str, str]:
        """Return the undecided and the decided spellings by their hash, to find those of a reviewer's file."""
        texts = [item.spelling for item in self.undecided] + [entry.spelling for entry in self.decided.entries]
        return {spelling_sha256(text): text for text in texts}


def read_undecided(context: ServiceContext, *, selection: Selection) -> UndecidedSpellings:
    """Read the undecided spellings, most rows first. Writes nothing."""
    path = context.configuration.decisions
    inventories = read_inventory(context, selection=selection, unknown_kept=_AT_ONCE).targets
    undecided = undecided_spellings(inventories)
    too_long = sum(total.is_cut for inventory in inventories for total in inventory.unknown)
    return UndecidedSpellings(
        path=path,
        undecided=undecided,
        decided=read_decisions(context.configuration),
        too_long=too_long,
        left_for_later=max(count_unknown_spellings(inventories) - len(undecided) - too_long, 0),
        inventories=inventories,
    )


def write_undecided(found: UndecidedSpellings) -> None:
    """Add an entry for each cluster without one to the decisions file. Entries and comments in it stay."""
    before = _text(found.path)
    text = with_undecided(before, str(found.path), found.undecided, aliases=found.decided.aliases)
    if text != before:
        replace_file(found.path, text)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedDecisions:
    """The text of the decisions file before and after an answer, so that it can be undone."""

    path: Path
    before: str
    after: str

    def undo(self) -> bool:
        """Restore the file. Returns False, and restores nothing, if the file has changed since."""
        if _text(self.path) != self.after:
            return False
        replace_file(self.path, self.before)
        return True


def record_decisions(path: Path, decisions: Iterable[Decision], *, aliases: AliasTable) -> RecordedDecisions:
    """Add decisions to the file, which is read again: someone may edit it at the same time.

    `aliases`: those that the decisions complete.

    Raises DecisionsError for a spelling that is decided already or a decision that another one contradicts.
    """
    before = _text(path)
    after = with_decisions(before, str(path), decisions, aliases=aliases)
    if after != before:
        replace_file(path, after)
    return RecordedDecisions(path=path, before=before, after=after)


def read_decisions(configuration: Configuration) -> Decisions:
    """Read the decisions file; no decisions if there is none."""
    path = configuration.decisions
    return parse_decisions(_text(path), str(path), load_aliases(configuration))


def look_up_spelling(configuration: Configuration, spelling: str) -> LookUp:
    """Say what happens to a spelling, and why. Needs no database. Raises DecisionsError for a broken file."""
    return look_up(spelling, read_decisions(configuration))


def import_patches(configuration: Configuration, patches: Iterable[DecisionPatch]) -> MergedPatches:
    """Merge the decisions of reviewers into the decisions file. Spellings in conflict stay undecided.

    Needs no database. Raises DecisionsError, with the place, for a decision that is not allowed; then nothing is
    written.
    """
    existing = read_decisions(configuration)
    merged = merge_patches(existing, patches)
    record_decisions(configuration.decisions, merged.new, aliases=existing.aliases)
    return merged


def decisions_in_force(configuration: Configuration) -> DecisionsInForce:
    """Say which decisions file counts: for every command and page that reads the vocabulary.

    Raises DecisionsError if the file cannot be used.
    """
    path = configuration.decisions
    entries = read_decisions(configuration).entries
    decided = sum(entry.choice is not None for entry in entries)
    return DecisionsInForce(
        path=str(path.absolute()), exists=path.exists(), decided=decided, undecided=len(entries) - decided
    )


def _text(path: Path) -> str:
    return read_decisions_text(path) if path.exists() else ""
