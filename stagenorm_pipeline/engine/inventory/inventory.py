"""Make the inventory of a target: rows by fund, by spelling and by kind, and where each unknown spelling is.

Reads only. Memory grows with funds and known spellings, but not with rows or unknown spellings.
"""

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import Any

import sqlalchemy as sa

from stagenorm_pipeline.engine.inventory.spellings import SpellingRows, read_spellings
from stagenorm_pipeline.engine.targets.funds import FundScope, fund_key, fund_order
from stagenorm_pipeline.engine.targets.target import Target
from stagenorm_pipeline.vocabulary import (
    AliasTable,
    MeaningKind,
    Stage,
    Suggestion,
    Undecided,
    Vocabulary,
    built_in_aliases,
    suggest,
)

# A person decides on hundreds of spellings, not on millions. Beyond this limit only the list is cut, not the counts.
UNKNOWN_SHOWN = 1_000
# For each unknown spelling, the funds with most rows of it.
FUNDS_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCounts:
    """Rows by kind of stage. `rows_seen` is the sum of the other five."""

    rows_seen: int = 0
    rows_canonical: int = 0
    rows_null: int = 0
    rows_unknown: int = 0
    rows_left_as_is: int = 0
    rows_to_change: int = 0

    def __add__(self, other: "RowCounts") -> "RowCounts":
        return RowCounts(
            rows_seen=self.rows_seen + other.rows_seen,
            rows_canonical=self.rows_canonical + other.rows_canonical,
            rows_null=self.rows_null + other.rows_null,
            rows_unknown=self.rows_unknown + other.rows_unknown,
            rows_left_as_is=self.rows_left_as_is + other.rows_left_as_is,
            rows_to_change=self.rows_to_change + other.rows_to_change,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SpellingTotal:
    """One spelling over all funds of a target. `stage` None: unknown or kept. `is_cut`: only its beginning is shown.

    `suggestions`: what an unknown spelling may mean by configured aliases. None: by the built-in ones.
    """

    target: str
    spelling: str
    kind: MeaningKind
    stage: Stage | None
    rows: int
    funds: int
    is_cut: bool = False
    suggestions: tuple[Suggestion, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FundRows:
    """The row counts of one fund in one target."""

    target: str
    fund_id: str | None
    counts: RowCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class FundShare:
    """How many rows of one fund hold a spelling."""

    fund_id: str | None
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where a spelling is: its lowest and highest key, and the FUNDS_SHOWN funds with most rows of it."""

    first_id: str
    last_id: str
    funds: tuple[FundShare, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetInventory:
    """The inventory of one target.

    `spellings` has every canonical, known and kept spelling, and the unknown ones with most rows (UNKNOWN_SHOWN by
    default); `unknown_spellings` counts all unknown ones. `places` says where each of `unknown` is, in the same order;
    it is empty unless it was requested.
    """

    target: Target
    counts: RowCounts
    funds: tuple[FundRows, ...]
    spellings: tuple[SpellingTotal, ...]
    unknown_spellings: int
    places: tuple[Places, ...] = ()

    @property
    def changes(self) -> tuple[SpellingTotal, ...]:
        """The known spellings that are not canonical, each with the stage it becomes, most rows first."""
        return tuple(s for s in self.spellings if s.kind is MeaningKind.MESSY)

    @property
    def unknown(self) -> tuple[SpellingTotal, ...]:
        return tuple(s for s in self.spellings if s.kind is MeaningKind.UNKNOWN)

    @property
    def unknown_places(self) -> tuple[tuple[SpellingTotal, Places | None], ...]:
        """Each of `unknown` with its places; None if places were not requested."""
        return tuple(zip_longest(self.unknown, self.places))


@dataclass(slots=True, kw_only=True)
class _Spelling:
    """Adds up one spelling, fund by fund. `shares` has one entry per fund, only if keys were requested."""

    first: SpellingRows
    rows: int = 0
    funds: int = 0
    keys: tuple[Any, Any] | None = None
    shares: list[FundShare] = field(default_factory=list)

    def add(self, found: SpellingRows) -> None:
        self.rows += found.rows
        self.funds += 1
        if found.keys is not None:
            both = (self.keys or found.keys, found.keys)
            self.keys = (min(keys[0] for keys in both), max(keys[1] for keys in both))
            self.shares.append(FundShare(fund_id=found.fund_id, rows=found.rows))

    def places(self) -> Places | None:
        """Return where the spelling is; None if keys were not requested."""
        if self.keys is None:
            return None
        most = heapq.nsmallest(FUNDS_SHOWN, self.shares, key=lambda share: (-share.rows, fund_order(share.fund_id)))
        return Places(first_id=str(self.keys[0]), last_id=str(self.keys[1]), funds=tuple(most))


@dataclass(slots=True, kw_only=True)
class InventoryTally:
    """Adds up a stream of SpellingRows, ordered by spelling, into a TargetInventory.

    `unknown_kept`: how many unknown spellings to keep; those with most rows are kept. `aliases`: for suggestions.
    """

    target: Target
    aliases: AliasTable
    unknown_kept: int = UNKNOWN_SHOWN
    # Rows by fund and kind (None: the stage is NULL).
    _funds: dict[str | None, dict[MeaningKind | None, int]] = field(default_factory=dict)
    _known: list[SpellingTotal] = field(default_factory=list)
    _unknown: list[tuple[int, int, SpellingTotal, Places | None]] = field(default_factory=list)
    _unknown_spellings: int = 0
    _current: _Spelling | None = None

    def add(self, found: SpellingRows) -> None:
        kind = found.meaning.kind if found.meaning else None
        of_fund = self._funds.setdefault(found.fund_id, {})
        of_fund[kind] = of_fund.get(kind, 0) + found.rows
        if self._current is None or self._current.first.sha256 != found.sha256:
            self._end_spelling()
            self._current = _Spelling(first=found)
        self._current.add(found)

    def _end_spelling(self) -> None:
        current, self._current = self._current, None
        if current is None or current.first.spelling is None or current.first.meaning is None:
            return
        first, meaning = current.first, current.first.meaning
        text = current.first.spelling + ("…" if first.is_cut else "")
        total = SpellingTotal(
            target=self.target.name,
            spelling=text,
            kind=meaning.kind,
            stage=meaning.stage,
            rows=current.rows,
            funds=current.funds,
            is_cut=first.is_cut,
        )
        if total.kind is not MeaningKind.UNKNOWN:
            self._known.append(total)
            return
        self._unknown_spellings += 1
        # The second part sorts equal counts by spelling, and keeps heapq from comparing the totals.
        entry = (current.rows, -self._unknown_spellings, total, current.places())
        if len(self._unknown) < self.unknown_kept:
            heapq.heappush(self._unknown, entry)
        else:
            heapq.heappushpop(self._unknown, entry)

    def _with_suggestions(self, total: SpellingTotal) -> SpellingTotal:
        if self.aliases is built_in_aliases():
            return total
        return replace(total, suggestions=suggest(total.spelling, aliases=self.aliases))

    def finish(self) -> TargetInventory:
        self._end_spelling()
        known = sorted(self._known, key=lambda total: (-total.rows, total.spelling))
        unknown = [
            (rows, order, self._with_suggestions(total), places)
            for rows, order, total, places in sorted(self._unknown, reverse=True)
        ]
        funds = tuple(
            FundRows(target=self.target.name, fund_id=fund_id, counts=_counts(by_kind))
            for fund_id, by_kind in sorted(self._funds.items(), key=lambda item: fund_order(item[0]))
        )
        return TargetInventory(
            target=self.target,
            counts=sum((fund.counts for fund in funds), RowCounts()),
            funds=funds,
            spellings=tuple(known + [entry[2] for entry in unknown]),
            unknown_spellings=self._unknown_spellings,
            places=tuple(places for *_, places in unknown if places is not None),
        )


def _counts(by_kind: Mapping[MeaningKind | None, int]) -> RowCounts:
    return RowCounts(
        rows_seen=sum(by_kind.values()),
        rows_canonical=by_kind.get(MeaningKind.CANONICAL, 0),
        rows_null=by_kind.get(None, 0),
        rows_unknown=by_kind.get(MeaningKind.UNKNOWN, 0),
        rows_left_as_is=by_kind.get(MeaningKind.KEPT, 0),
        rows_to_change=by_kind.get(MeaningKind.MESSY, 0),
    )


def read_inventory(
    connection: sa.Connection,
    targets: tuple[Target, ...],
    scope: FundScope,
    vocabulary: Vocabulary,
    *,
    with_places: bool = False,
    unknown_kept: int = UNKNOWN_SHOWN,
) -> tuple[TargetInventory, ...]:
    """Read the inventory of each target with one scan each. `with_places` costs time: see `read_spellings`."""
    inventories = []
    for target in targets:
        tally = InventoryTally(target=target, aliases=vocabulary.aliases, unknown_kept=unknown_kept)
        for found in read_spellings(connection, target, scope, vocabulary, with_keys=with_places):
            tally.add(found)
        inventories.append(tally.finish())
    return tuple(inventories)


def undecided_spellings(inventories: tuple[TargetInventory, ...]) -> tuple[Undecided, ...]:
    """List the unknown spellings to decide, each once, most rows first. Spellings too long to show are left out."""
    rows: dict[str, int] = {}
    funds: dict[str, int] = {}
    wheres: dict[str, list[str]] = {}
    for inventory in inventories:
        for total, places in inventory.unknown_places:
            if not total.is_cut:
                rows[total.spelling] = rows.get(total.spelling, 0) + total.rows
                funds[total.spelling] = max(funds.get(total.spelling, 0), total.funds)
                wheres.setdefault(total.spelling, []).append(_where(total, places))
    undecided = [
        Undecided(spelling=spelling, rows=count, funds=funds[spelling], where="; ".join(wheres[spelling]))
        for spelling, count in rows.items()
    ]
    return tuple(sorted(undecided, key=lambda entry: (-entry.rows, entry.spelling)))


def _where(total: SpellingTotal, places: Places | None) -> str:
    if places is None:
        return f"{total.rows:,} in {total.target}"
    ids = f"id {places.first_id}" if total.rows == 1 else f"ids {places.first_id} to {places.last_id}"
    funds = fund_key(places.funds[0].fund_id) if total.funds == 1 else f"{total.funds:,} funds"
    return f"{total.rows:,} in {total.target} ({funds}, {ids})"


def count_unknown_spellings(inventories: tuple[TargetInventory, ...]) -> int:
    """Count the different unknown spellings of all targets.

    A spelling in two targets counts once if both lists show it in full. Two cut spellings may differ, so both count.
    """
    whole = [{total.spelling for total in inventory.unknown if not total.is_cut} for inventory in inventories]
    others = (inventory.unknown_spellings - len(shown) for inventory, shown in zip(inventories, whole, strict=True))
    return len(set().union(*whole)) + sum(others)
