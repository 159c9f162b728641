"""Which spellings are in the data, how many rows hold each, where, and what the vocabulary says of them.

Reads only. Memory grows with the funds and the known spellings, not with the rows nor with the unknown spellings.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import sqlalchemy as sa
from psycopg import sql

from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.targets.funds import FundScope, fund_key
from stagenorm_pipeline.engine.targets.target import KeyKind, Target
from stagenorm_pipeline.vocabulary import Meaning, MeaningKind, Stage, Undecided, Vocabulary

# A person decides on spellings by the hundred, not by the million; the counts stay exact beyond this.
UNKNOWN_SHOWN = 1_000
# Of each unknown spelling, the funds with most rows of it.
FUNDS_SHOWN = 10

_FETCH = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SpellingRows:
    """Rows of one target and fund that hold one spelling. `spelling` None: the stage is NULL (`sha256` None too).

    `keys`: the lowest and the highest key of these rows, integers or texts, where they were asked for.
    """

    fund_id: str | None
    spelling: str | None
    is_cut: bool
    sha256: bytes | None
    rows: int
    meaning: Meaning | None
    keys: tuple[Any, Any] | None = None

    @property
    def kind(self) -> str:
        """The spelling's kind, in the words of the baseline."""
        return "null" if self.meaning is None else self.meaning.kind.value


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCounts:
    """Rows by what their stage is. `rows_seen` is the sum of the other five."""

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
    """One spelling over all funds of a target. `stage` None: unknown, or left as it is. `is_cut`: shown in part."""

    target: str
    spelling: str
    kind: MeaningKind
    stage: Stage | None
    rows: int
    funds: int
    is_cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FundRows:
    """The counts of one fund in one target."""

    target: str
    fund_id: str | None
    counts: RowCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class FundShare:
    """The rows of one fund that hold a spelling."""

    fund_id: str | None
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where a spelling is: the lowest and the highest key, and the FUNDS_SHOWN funds with most rows of it."""

    first_id: str
    last_id: str
    funds: tuple[FundShare, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetInventory:
    """What one target holds.

    `spellings` has every canonical, known and decided spelling, and of the unknown ones those with most rows
    (UNKNOWN_SHOWN, unless asked otherwise); `unknown_spellings` counts all of them. `places` says where each of
    `unknown` is, in the same order; it is empty unless it was asked for.
    """

    target: Target
    counts: RowCounts
    funds: tuple[FundRows, ...]
    spellings: tuple[SpellingTotal, ...]
    unknown_spellings: int
    places: tuple[Places, ...] = ()

    @property
    def changes(self) -> tuple[SpellingTotal, ...]:
        """The messy spellings with the stage each becomes, most rows first."""
        return tuple(s for s in self.spellings if s.kind is MeaningKind.MESSY)

    @property
    def unknown(self) -> tuple[SpellingTotal, ...]:
        return tuple(s for s in self.spellings if s.kind is MeaningKind.UNKNOWN)

    @property
    def unknown_places(self) -> tuple[tuple[SpellingTotal, Places | None], ...]:
        """Each of `unknown` with where it is; None where that was not asked for."""
        return tuple(zip_longest(self.unknown, self.places))


@dataclass(slots=True, kw_only=True)
class Meanings:
    """Makes SpellingRows of what the database counted, in the order of the spellings; each is looked up once."""

    vocabulary: Vocabulary
    _digest: bytes | None = None
    _meaning: Meaning | None = None

    def read(
        self,
        fund_id: str | None,
        spelling: str | None,
        is_cut: bool | None,
        sha256: bytes | None,
        rows: int,
        keys: tuple[Any, Any] | None = None,
    ) -> SpellingRows:
        if spelling is None or sha256 is None:
            return SpellingRows(
                fund_id=fund_id, spelling=None, is_cut=False, sha256=None, rows=rows, meaning=None, keys=keys
            )
        digest = bytes(sha256)
        if digest != self._digest:
            # A cut spelling is longer than any alias or decision may be: unknown, whatever its beginning says.
            self._meaning = Meaning(kind=MeaningKind.UNKNOWN) if is_cut else self.vocabulary.meaning_of(spelling)
            self._digest = digest
        return SpellingRows(
            fund_id=fund_id,
            spelling=spelling,
            is_cut=bool(is_cut),
            sha256=digest,
            rows=rows,
            meaning=self._meaning,
            keys=keys,
        )


def read_spellings(
    connection: sa.Connection, target: Target, scope: FundScope, vocabulary: Vocabulary, *, with_keys: bool = False
) -> Iterator[SpellingRows]:
    """Stream the target's spellings, ordered by spelling, each with its meaning. One scan of the table.

    `with_keys` also asks for the lowest and highest key: 10 million rows in 100,000 groups then took 3.5 to 5 s instead
    of 3.2 to 4, since the wider groups spill to disk. So planning goes without.
    """
    parts = target.sql_parts()
    key = parts["key"] if target.key_kind is KeyKind.INTEGER else sql.SQL('{}::text COLLATE "C"').format(parts["key"])
    query = statement(
        "inventory/inventory",
        table=parts["table"],
        stage=parts["stage"],
        fund_group=parts["fund_group"],
        fund_condition=scope.condition(parts["fund"]),
        first_key=sql.SQL("min({})").format(key) if with_keys else sql.SQL("NULL"),
        last_key=sql.SQL("max({})").format(key) if with_keys else sql.SQL("NULL"),
    )
    meanings = Meanings(vocabulary=vocabulary)
    options = {"stream_results": True, "yield_per": _FETCH}
    with connection.exec_driver_sql(query, {"fund_id": scope.fund_id}, execution_options=options) as result:
        for spelling, is_cut, sha256, fund_id, rows, first_key, last_key in result:
            keys = (first_key, last_key) if with_keys else None
            yield meanings.read(fund_id, spelling, is_cut, sha256, rows, keys)


@dataclass(slots=True, kw_only=True)
class _Spelling:
    """One spelling while its funds come in. `shares` only where keys come along: as many as there are funds."""

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
        if self.keys is None:
            return None
        most = heapq.nsmallest(FUNDS_SHOWN, self.shares, key=lambda share: (-share.rows, fund_order(share.fund_id)))
        return Places(first_id=str(self.keys[0]), last_id=str(self.keys[1]), funds=tuple(most))


@dataclass(slots=True, kw_only=True)
class InventoryTally:
    """Adds up a stream of SpellingRows (in its order: by spelling) into a TargetInventory.

    `unknown_kept`: how many unknown spellings to keep, those with most rows.
    """

    target: Target
    unknown_kept: int = UNKNOWN_SHOWN
    _funds: dict[str | None, RowCounts] = field(default_factory=dict)
    _known: list[SpellingTotal] = field(default_factory=list)
    _unknown: list[tuple[int, int, SpellingTotal, Places | None]] = field(default_factory=list)
    _unknown_spellings: int = 0
    _current: _Spelling | None = None

    def add(self, found: SpellingRows) -> None:
        self._funds[found.fund_id] = self._funds.get(found.fund_id, RowCounts()) + _counts(found)
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
        # The second part keeps equal counts in the order of the spellings, and out of a comparison of totals.
        entry = (current.rows, -self._unknown_spellings, total, current.places())
        if len(self._unknown) < self.unknown_kept:
            heapq.heappush(self._unknown, entry)
        else:
            heapq.heappushpop(self._unknown, entry)

    def finish(self) -> TargetInventory:
        self._end_spelling()
        known = sorted(self._known, key=lambda total: (-total.rows, total.spelling))
        unknown = sorted(self._unknown, reverse=True)
        funds = tuple(
            FundRows(target=self.target.name, fund_id=fund_id, counts=counts)
            for fund_id, counts in sorted(self._funds.items(), key=lambda item: fund_order(item[0]))
        )
        return TargetInventory(
            target=self.target,
            counts=sum((fund.counts for fund in funds), RowCounts()),
            funds=funds,
            spellings=tuple(known + [entry[2] for entry in unknown]),
            unknown_spellings=self._unknown_spellings,
            places=tuple(places for *_, places in unknown if places is not None),
        )


def fund_order(fund_id: str | None) -> tuple[int, int, str]:
    """Numbers by value, then names, the rows without a fund last: the order in which people look for a fund."""
    if fund_id is None:
        return (2, 0, "")
    is_number = fund_id.isascii() and fund_id.isdigit() and len(fund_id) < 19
    return (0, int(fund_id), "") if is_number else (1, 0, fund_id)


def _counts(found: SpellingRows) -> RowCounts:
    if found.meaning is None:
        return RowCounts(rows_seen=found.rows, rows_null=found.rows)
    match found.meaning.kind:
        case MeaningKind.CANONICAL:
            return RowCounts(rows_seen=found.rows, rows_canonical=found.rows)
        case MeaningKind.MESSY:
            return RowCounts(rows_seen=found.rows, rows_to_change=found.rows)
        case MeaningKind.KEPT:
            return RowCounts(rows_seen=found.rows, rows_left_as_is=found.rows)
        case MeaningKind.UNKNOWN:
            return RowCounts(rows_seen=found.rows, rows_unknown=found.rows)


def read_inventory(
    connection: sa.Connection,
    targets: tuple[Target, ...],
    scope: FundScope,
    vocabulary: Vocabulary,
    *,
    with_places: bool = False,
    unknown_kept: int = UNKNOWN_SHOWN,
) -> tuple[TargetInventory, ...]:
    """The inventory of each target: one scan a table. `with_places` costs what `read_spellings` says."""
    inventories = []
    for target in targets:
        tally = InventoryTally(target=target, unknown_kept=unknown_kept)
        for found in read_spellings(connection, target, scope, vocabulary, with_keys=with_places):
            tally.add(found)
        inventories.append(tally.finish())
    return tuple(inventories)


def undecided_spellings(inventories: tuple[TargetInventory, ...]) -> tuple[Undecided, ...]:
    """The unknown spellings for a person to decide, each once, most rows first; none that is too long to be shown."""
    rows: dict[str, int] = {}
    wheres: dict[str, list[str]] = {}
    for inventory in inventories:
        for total, places in inventory.unknown_places:
            if not total.is_cut:
                rows[total.spelling] = rows.get(total.spelling, 0) + total.rows
                wheres.setdefault(total.spelling, []).append(_where(total, places))
    undecided = [
        Undecided(spelling=spelling, rows=count, where="; ".join(wheres[spelling])) for spelling, count in rows.items()
    ]
    return tuple(sorted(undecided, key=lambda entry: (-entry.rows, entry.spelling)))


def _where(total: SpellingTotal, places: Places | None) -> str:
    if places is None:
        return f"{total.rows:,} in {total.target}"
    ids = f"id {places.first_id}" if total.rows == 1 else f"ids {places.first_id} to {places.last_id}"
    funds = fund_key(places.funds[0].fund_id) if total.funds == 1 else f"{total.funds:,} funds"
    return f"{total.rows:,} in {total.target} ({funds}, {ids})"


def count_unknown_spellings(inventories: tuple[TargetInventory, ...]) -> int:
    """The unknown spellings of all targets.

    One that is in two targets counts once where it is among those shown, and shown whole: two that are cut may differ.
    """
    whole = [{total.spelling for total in inventory.unknown if not total.is_cut} for inventory in inventories]
    others = (inventory.unknown_spellings - len(shown) for inventory, shown in zip(inventories, whole, strict=True))
    return len(set().union(*whole)) + sum(others)
