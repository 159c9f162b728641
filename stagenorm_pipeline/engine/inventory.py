"""Which spellings are in the data, how many rows hold each, by fund, and what the vocabulary says of them.

Reads only. Memory grows with the funds and the known spellings, not with the rows nor with the unknown spellings.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field

import sqlalchemy as sa

from stagenorm_pipeline.engine.funds import FundScope
from stagenorm_pipeline.engine.statements import statement
from stagenorm_pipeline.engine.targets import Target
from stagenorm_pipeline.vocabulary import Meaning, MeaningKind, Stage, Undecided, Vocabulary

# A person decides on spellings by the hundred, not by the million; the counts stay exact beyond this.
UNKNOWN_SHOWN = 1_000

_FETCH = 5_000


@dataclass(frozen=True, slots=True)
class SpellingRows:
    """Rows of one target and fund that hold one spelling. `spelling` None: the stage is NULL (`sha256` None too)."""

    fund_id: str | None
    spelling: str | None
    is_cut: bool
    sha256: bytes | None
    rows: int
    meaning: Meaning | None

    @property
    def kind(self) -> str:
        """The spelling's kind, in the words of the baseline."""
        return "null" if self.meaning is None else self.meaning.kind.value


@dataclass(frozen=True, slots=True)
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
            self.rows_seen + other.rows_seen,
            self.rows_canonical + other.rows_canonical,
            self.rows_null + other.rows_null,
            self.rows_unknown + other.rows_unknown,
            self.rows_left_as_is + other.rows_left_as_is,
            self.rows_to_change + other.rows_to_change,
        )


@dataclass(frozen=True, slots=True)
class SpellingTotal:
    """One spelling over all funds of a target. `stage` None: unknown, or left as it is. `is_cut`: shown in part."""

    target: str
    spelling: str
    kind: MeaningKind
    stage: Stage | None
    rows: int
    funds: int
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class FundRows:
    """The counts of one fund in one target."""

    target: str
    fund_id: str | None
    counts: RowCounts


@dataclass(frozen=True, slots=True)
class TargetInventory:
    """What one target holds.

    `spellings` has every canonical, known and decided spelling, and of the unknown ones the UNKNOWN_SHOWN with most
    rows; `unknown_spellings` counts all of them.
    """

    target: Target
    counts: RowCounts
    funds: tuple[FundRows, ...]
    spellings: tuple[SpellingTotal, ...]
    unknown_spellings: int

    @property
    def changes(self) -> tuple[SpellingTotal, ...]:
        """The messy spellings with the stage each becomes, most rows first."""
        return tuple(s for s in self.spellings if s.kind is MeaningKind.MESSY)

    @property
    def unknown(self) -> tuple[SpellingTotal, ...]:
        return tuple(s for s in self.spellings if s.kind is MeaningKind.UNKNOWN)


def read_spellings(
    connection: sa.Connection, target: Target, scope: FundScope, vocabulary: Vocabulary
) -> Iterator[SpellingRows]:
    """Stream the target's spellings, ordered by spelling, each with its meaning. One scan of the table."""
    parts = target.sql_parts()
    query = statement(
        "inventory",
        table=parts["table"],
        stage=parts["stage"],
        fund=parts["fund"],
        fund_condition=scope.condition(parts["fund"]),
    )
    last: tuple[bytes | None, Meaning | None] = (None, None)
    options = {"stream_results": True, "yield_per": _FETCH}
    with connection.exec_driver_sql(query, {"fund_id": scope.fund_id}, execution_options=options) as result:
        for spelling, is_cut, sha256, fund_id, rows in result:
            digest = bytes(sha256) if sha256 is not None else None
            if spelling is not None and last[0] != digest:
                # A cut spelling is longer than any alias or decision may be: unknown, whatever its beginning says.
                meaning = Meaning(MeaningKind.UNKNOWN) if is_cut else vocabulary.meaning_of(spelling)
                last = (digest, meaning)
            yield SpellingRows(fund_id, spelling, bool(is_cut), digest, rows, last[1] if spelling is not None else None)


@dataclass(slots=True)
class InventoryTally:
    """Adds up a stream of SpellingRows (in its order: by spelling) into a TargetInventory."""

    target: Target
    _funds: dict[str | None, RowCounts] = field(default_factory=dict)
    _known: list[SpellingTotal] = field(default_factory=list)
    _unknown: list[tuple[int, int, SpellingTotal]] = field(default_factory=list)
    _unknown_spellings: int = 0
    _current: SpellingRows | None = None
    _current_rows: int = 0
    _current_funds: int = 0

    def add(self, found: SpellingRows) -> None:
        self._funds[found.fund_id] = self._funds.get(found.fund_id, RowCounts()) + _counts(found)
        if self._current is not None and self._current.sha256 != found.sha256:
            self._end_spelling()
        self._current = found
        self._current_rows += found.rows
        self._current_funds += 1

    def _end_spelling(self) -> None:
        current, rows, funds = self._current, self._current_rows, self._current_funds
        self._current, self._current_rows, self._current_funds = None, 0, 0
        if current is None or current.spelling is None or current.meaning is None:
            return
        text = current.spelling + ("…" if current.is_cut else "")
        meaning = current.meaning
        total = SpellingTotal(self.target.name, text, meaning.kind, meaning.stage, rows, funds, current.is_cut)
        if total.kind is not MeaningKind.UNKNOWN:
            self._known.append(total)
            return
        self._unknown_spellings += 1
        # The second part keeps equal counts in the order of the spellings, and out of a comparison of totals.
        entry = (rows, -self._unknown_spellings, total)
        if len(self._unknown) < UNKNOWN_SHOWN:
            heapq.heappush(self._unknown, entry)
        else:
            heapq.heappushpop(self._unknown, entry)

    def finish(self) -> TargetInventory:
        self._end_spelling()
        known = sorted(self._known, key=lambda total: (-total.rows, total.spelling))
        unknown = [entry[2] for entry in sorted(self._unknown, reverse=True)]
        funds = tuple(
            FundRows(self.target.name, fund_id, counts)
            for fund_id, counts in sorted(self._funds.items(), key=lambda item: fund_order(item[0]))
        )
        return TargetInventory(
            self.target,
            sum((fund.counts for fund in funds), RowCounts()),
            funds,
            tuple(known + unknown),
            self._unknown_spellings,
        )


def fund_order(fund_id: str | None) -> tuple[int, int, str]:
    """Numbers by value, then names, the rows without a fund last: the order in which people look for a fund."""
    if fund_id is None:
        return (2, 0, "")
    is_number = fund_id.isascii() and fund_id.isdigit() and len(fund_id) < 19
    return (0, int(fund_id), "") if is_number else (1, 0, fund_id)


def _counts(found: SpellingRows) -> RowCounts:
    if found.meaning is None:
        return RowCounts(found.rows, rows_null=found.rows)
    match found.meaning.kind:
        case MeaningKind.CANONICAL:
            return RowCounts(found.rows, rows_canonical=found.rows)
        case MeaningKind.MESSY:
            return RowCounts(found.rows, rows_to_change=found.rows)
        case MeaningKind.LEAVE_AS_IS:
            return RowCounts(found.rows, rows_left_as_is=found.rows)
        case MeaningKind.UNKNOWN:
            return RowCounts(found.rows, rows_unknown=found.rows)


def read_inventory(
    connection: sa.Connection, targets: tuple[Target, ...], scope: FundScope, vocabulary: Vocabulary
) -> tuple[TargetInventory, ...]:
    """The inventory of each target: one scan a table."""
    inventories = []
    for target in targets:
        tally = InventoryTally(target)
        for found in read_spellings(connection, target, scope, vocabulary):
            tally.add(found)
        inventories.append(tally.finish())
    return tuple(inventories)


def undecided_spellings(inventories: tuple[TargetInventory, ...]) -> tuple[Undecided, ...]:
    """The unknown spellings for a person to decide, each once, most rows first; none that is too long to be shown."""
    found: dict[str, list[SpellingTotal]] = {}
    for inventory in inventories:
        for total in inventory.unknown:
            if not total.is_cut:
                found.setdefault(total.spelling, []).append(total)
    undecided = [
        Undecided(spelling, sum(t.rows for t in totals), ", ".join(t.target for t in totals))
        for spelling, totals in found.items()
    ]
    return tuple(sorted(undecided, key=lambda entry: (-entry.rows, entry.spelling)))


def count_unknown_spellings(inventories: tuple[TargetInventory, ...]) -> int:
    """The unknown spellings of all targets.

    One that is in two targets counts once where it is among those shown, and shown whole: two that are cut may differ.
    """
    whole = [{total.spelling for total in inventory.unknown if not total.is_cut} for inventory in inventories]
    others = (inventory.unknown_spellings - len(shown) for inventory, shown in zip(inventories, whole, strict=True))
    return len(set().union(*whole)) + sum(others)
