"""The specification: what rows, log, plans and batches may be after each step. Plain Python, no SQL.

The model trusts nothing that stagenorm says about itself. It knows what other sessions wrote, because the machine made
them write it. It reads rows, new log entries and statuses after each step and raises BrokenLaw where they cannot be.
What a verification must report is in `verdicts`.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.vocabulary import Vocabulary
from stagenorm_pipeline_tests.histories.facts import (
    TABLES,
    Batch,
    BrokenLaw,
    Entry,
    Key,
    Member,
    Plan,
    Row,
    Rows,
    Tracking,
    Undo,
    covers,
    meaning,
)

WAITING = ("pending", "running", "failed")

# What may become of a plan and of a batch from one step to the next; None: not there before.
PLAN_TRANSITIONS: frozenset[tuple[str | None, str]] = frozenset(
    {
        (None, "draft"),
        (None, "open"),
        (None, "completed"),  # nothing to do
        ("draft", "open"),
        ("draft", "completed"),  # nothing to do
        ("draft", "cancelled"),
        ("open", "completed"),
        ("open", "cancelled"),
        ("open", "rolled_back"),
        ("completed", "rolled_back"),
    }
)
BATCH_TRANSITIONS: frozenset[tuple[str | None, str]] = frozenset(
    {
        (None, "pending"),
        ("pending", "running"),
        ("pending", "completed"),
        ("pending", "failed"),
        ("pending", "cancelled"),
        ("running", "completed"),
        ("running", "failed"),
        ("running", "cancelled"),
        ("failed", "running"),
        ("failed", "completed"),
        ("failed", "cancelled"),
        ("completed", "rolled_back"),
        ("failed", "rolled_back"),
        ("cancelled", "rolled_back"),
    }
)
# Lawful, and too rare to be asked of every run.
RARE_TRANSITIONS: frozenset[tuple[str | None, str]] = frozenset({(None, "rolled_back"), (None, "cancelled")})


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """A change of a row's stage, or that it was touched. `entry` None: another session did it."""

    before: Row | None
    after: Row | None
    entry: Entry | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tampering:
    """Something that was done to the tracking tables by hand.

    `is_certain`: a verification of `scope` must report it. Otherwise it may.
    """

    what: str
    scope: FundScope
    is_certain: bool = True
    spoils_log: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LostBatch:
    """A failed or pending batch that the runbook's own SQL deleted."""

    plan: int
    table: str
    fund: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What a row held in the verification that was signed, and the newest log entry at that time."""

    row: Row | None
    last_entry: int


# A batch's number and what it changes: row, stage before, stage after.
Change = tuple[Key, str, str]
Changes = dict[int, list[Change]]


@dataclass(kw_only=True)
class Model:
    """All that happened so far, and what must hold of it."""

    rows: Rows
    is_refused: Callable[[Key, str], bool]
    writes: dict[Key, list[Write]] = field(default_factory=lambda: defaultdict(list))
    log: list[Entry] = field(default_factory=list)
    plans: dict[int, Plan] = field(default_factory=dict)
    batches: dict[int, Batch] = field(default_factory=dict)
    members: dict[int, tuple[Member, ...]] = field(default_factory=dict)
    plan_of: dict[int, int] = field(default_factory=dict)
    kinds: dict[int, str] = field(default_factory=dict)
    opened: list[Plan] = field(default_factory=list)
    vocabularies: dict[int, Vocabulary] = field(default_factory=dict)
    quarantined: dict[int, frozenset[Key]] = field(default_factory=dict)
    tampering: list[Tampering] = field(default_factory=list)
    lost: list[LostBatch] = field(default_factory=list)
    accepted: dict[Key, Accepted] = field(default_factory=dict)
    signed_up_to: int = 0
    # The rows when each plan of everything was opened, oldest first, or (None) when everything was signed last.
    counted: dict[int | None, Rows] = field(default_factory=dict)
    # What the newest signed verification of everything saw; None: there is none.
    signed_rows: Rows | None = None
    is_signature_undone: bool = False
    is_paused: bool = False
    # What others did to rows since the beginning, for what a verification may report.
    others_nulled: bool = False
    others_removed: bool = False
    others_changed: set[Key] = field(default_factory=set)
    # Rows of which the log was altered: what they should hold cannot be read from it any more.
    spoiled: set[Key] = field(default_factory=set)

    # Other sessions

    def others_wrote(self, rows: Rows) -> None:
        """Another session changed the rows to these."""
        for key in {**self.rows, **rows}:
            before, after = self.rows.get(key), rows.get(key)
            if before == after:
                continue
            self.writes[key].append(Write(before=before, after=after))
            self.others_changed.add(key)
            self.others_nulled |= after is not None and after.stage is None
            self.others_removed |= after is None or (before is not None and before.fund != after.fund)
        self.rows = dict(rows)

    def others_touched(self, key: Key) -> None:
        """Another session wrote the stage that the row had already."""
        row = self.rows.get(key)
        if row is not None:
            self.writes[key].append(Write(before=row, after=row))

    # Planning

    def to_change(self, scope: FundScope, tables: Sequence[str], vocabulary: Vocabulary) -> dict[Key, tuple[str, str]]:
        """The rows that a plan must hold, each with its spelling and what it becomes."""
        found = {}
        for key, row in self.rows.items():
            if key[0] in tables and covers(scope, row.fund) and row.stage is not None:
                stage = meaning(vocabulary, row.stage)
                if stage is not None:
                    found[key] = (row.stage, stage)
        return found

    def planned(self, plan: Plan, vocabulary: Vocabulary, members: Mapping[int, tuple[Member, ...]], size: int) -> None:
        """A plan was recorded with these batches."""
        expected = self.to_change(plan.scope, plan.tables, vocabulary)
        found = {member.key: (member.spelling, member.stage) for rows in members.values() for member in rows}
        if found != expected or sum(map(len, members.values())) != len(found):
            raise BrokenLaw("a plan holds exactly the messy rows", f"{found} instead of {expected}")
        for rows in members.values():
            funds = {(member.key[0], self.rows[member.key].fund) for member in rows}
            if len(rows) > size or len(funds) != 1:
                raise BrokenLaw("a batch is one table, one fund, at most batch_size rows", str(rows))
        self._remember(plan, members)
        self.vocabularies[plan.id] = vocabulary

    def rollback_recorded(
        self, plan: Plan, undo: Undo, members: Mapping[int, tuple[Member, ...]], preview: int
    ) -> None:
        """A rollback was recorded with these batches; its preview had promised `preview` rows."""
        found = {member.key: (member.spelling, member.stage) for rows in members.values() for member in rows}
        for key, (_, stage) in found.items():
            self._require_lawful_undo(key, stage)
        if not any(found_.spoils_log for found_ in self.tampering):
            expected = self.to_undo(undo)
            if found != expected:
                raise BrokenLaw("a rollback restores exactly what still stands", f"{found} instead of {expected}")
            if preview != len(expected):
                raise BrokenLaw("a rollback restores what its preview promised", f"{preview} of {len(expected)}")
        self._remember(plan, members)

    def _remember(self, plan: Plan, members: Mapping[int, tuple[Member, ...]]) -> None:
        self.members.update(members)
        self.plan_of |= dict.fromkeys(members, plan.id)
        self.kinds[plan.id] = plan.kind

    # Undoing

    def to_undo(self, undo: Undo) -> dict[Key, tuple[str, str]]:
        """The rows that a rollback must restore: what each holds now, and what it gets back.

        A row is restored if its newest change is in the scope and it still holds what that change wrote. It goes back
        to before the first change in the scope, but never past a visible write of another session.
        """
        found = {}
        for key, entries in self.entries_by_row().items():
            row = self.rows.get(key)
            if row is None or not undo.covers(entries[-1]) or row.stage != entries[-1].after:
                continue
            # Any write of another session since, even of the same stage, gives the row another version.
            if undo.only_untouched and self.writes[key][-1].entry is None:
                continue
            since_break = self._since_break(entries)
            first = next(entry for entry in since_break if undo.covers(entry))
            if row.stage is not None and first.before is not None:
                found[key] = (row.stage, first.before)
        return found

    @staticmethod
    def _since_break(entries: Sequence[Entry]) -> Sequence[Entry]:
        start = 0
        for number in range(1, len(entries)):
            if entries[number].before != entries[number - 1].after:
                start = number
        return entries[start:]

    def _require_lawful_undo(self, key: Key, restored: str | None) -> None:
        """A rollback may give a row only what it held since the last visible write of another session."""
        writes = self.writes[key]
        lawful: set[str | None] = set()
        expected: str | None = None  # what the row must have held for the chain to be joined
        for write in reversed(writes):
            if write.entry is None:
                continue
            if lawful and write.entry.after != expected:
                break
            lawful.add(write.entry.before)
            expected = write.entry.before
        newest = next((write.entry for write in reversed(writes) if write.entry is not None), None)
        row = self.rows.get(key)
        if newest is None or row is None or row.stage != newest.after:
            raise BrokenLaw("a rollback changed a row that another session had changed", f"{key}: {restored!r}")
        if restored in lawful:
            return
        held = {state.stage for write in writes for state in (write.before, write.after) if state is not None}
        if restored in held:
            raise BrokenLaw("a rollback undid another session's write", f"{key}: {restored!r}, lawful {lawful}")
        raise BrokenLaw("a rollback wrote what the row never held", f"{key}: {restored!r}, lawful {lawful}")

    # Applying

    def predict(self, *, plan: int | None, scope: FundScope, vocabulary: Vocabulary) -> Changes:
        """What a runner that nobody stops does: for each batch that it takes, in order, the rows that it changes."""
        if self.is_paused:
            return {}
        rows = {key: row.stage for key, row in self.rows.items()}
        changes: Changes = {}
        for batch in self._waiting(plan, scope):
            made_with = self.vocabularies.get(batch.plan)
            if made_with is not None and made_with.version != vocabulary.version:
                break
            changes[batch.id] = []
            for member in self._left_to_do(batch):
                if rows.get(member.key) == member.spelling and not self.is_refused(member.key, member.stage):
                    rows[member.key] = member.stage
                    changes[batch.id].append((member.key, member.spelling, member.stage))
        return changes

    def _waiting(self, plan: int | None, scope: FundScope) -> list[Batch]:
        found = [
            batch
            for batch in self.batches.values()
            if batch.status in WAITING
            and plan in (None, batch.plan)
            and covers(scope, batch.fund)
            and batch.plan in self.plans
            and self.plans[batch.plan].status == "open"
        ]
        return sorted(found, key=lambda batch: (batch.plan, batch.number))

    def _left_to_do(self, batch: Batch) -> list[Member]:
        members = self.members[batch.id]
        if batch.updated is None:
            return list(members)
        refused = self.quarantined.get(batch.id, frozenset())
        return [member for member in members if member.key in refused]

    # What stagenorm did

    def stagenorm_wrote(
        self, rows: Rows, entries: Sequence[Entry], *, predicted: Changes | None = None, is_finished: bool = False
    ) -> None:
        """stagenorm left the rows like this and appended these entries.

        `predicted`: what it may have done, batch by batch, none (None) or all of a batch; all of it if `is_finished`.
        """
        for entry in sorted(entries, key=lambda entry: entry.id):
            self._take(entry)
        for key in {**self.rows, **rows}:
            if self.rows.get(key) != rows.get(key):
                detail = f"{key}: {self.rows.get(key)} became {rows.get(key)}"
                raise BrokenLaw("no row changes without its audit row", detail)
        self._require_whole_batches(entries, predicted or {}, is_finished=is_finished)

    def _take(self, entry: Entry) -> None:
        row = self.rows.get(entry.key)
        if row is None or row.stage != entry.before:
            raise BrokenLaw("the log tells only of changes that were made", f"{entry}, the row was {row}")
        member = next((m for m in self.members.get(entry.batch, ()) if m.key == entry.key), None)
        if member is None or (member.spelling, member.stage) != (entry.before, entry.after):
            raise BrokenLaw("a batch changes only its members, and as planned", f"{entry}, the member was {member}")
        if any(earlier.batch == entry.batch and earlier.key == entry.key for earlier in self.log):
            raise BrokenLaw("a batch is applied at most once", str(entry))
        if entry.action != self.kinds.get(entry.plan) or entry.plan != self.plan_of.get(entry.batch):
            raise BrokenLaw("the log names the plan and what it did", str(entry))
        if entry.action == "rollback":
            self._require_lawful_undo(entry.key, entry.after)
        now = Row(fund=row.fund, stage=entry.after)
        self.writes[entry.key].append(Write(before=row, after=now, entry=entry))
        self.rows[entry.key] = now
        self.log.append(entry)

    def _require_whole_batches(self, entries: Iterable[Entry], predicted: Changes, *, is_finished: bool) -> None:
        made: dict[int, list[Change]] = defaultdict(list)
        for entry in entries:
            made[entry.batch].append((entry.key, entry.before or "", entry.after or ""))
        for batch, changes in made.items():
            if sorted(changes) != sorted(predicted.get(batch, [])):
                raise BrokenLaw("a batch commits as a whole", f"batch {batch}: {changes}, not {predicted.get(batch)}")
        if is_finished:
            left = [batch for batch, changes in predicted.items() if changes and batch not in made]
            if left:
                raise BrokenLaw("a runner leaves nothing undone that it could do", f"batches {left}")

    # Plans and batches

    def tracking_is(self, tracking: Tracking, *, by_hand: bool = False) -> Counter[tuple[str, str | None, str]]:
        """Plans and batches are these now. Returns their transitions. `by_hand`: somebody edited them."""
        seen: Counter[tuple[str, str | None, str]] = Counter()
        for what, before, after, lawful in (
            ("plan", self.plans, tracking.plans, PLAN_TRANSITIONS),
            ("batch", self.batches, tracking.batches, BATCH_TRANSITIONS),
        ):
            for number, now in after.items():
                was = before[number].status if number in before else None
                if was == now.status or by_hand:
                    continue
                seen[what, was, now.status] += 1
                edited = any(found.what.startswith("a status") for found in self.tampering)
                if (was, now.status) not in lawful | RARE_TRANSITIONS and not edited:
                    raise BrokenLaw(f"a {what} never goes from {was} to {now.status}", f"{what} {number}")
        if not by_hand:
            self._require_counts(tracking)
            self._note_quarantine(tracking)
            for plan in tracking.plans.values():
                self._note_opening(plan)
        self.plans, self.batches = dict(tracking.plans), dict(tracking.batches)
        return seen

    def _note_opening(self, plan: Plan) -> None:
        is_new = plan.id not in {opened.id for opened in self.opened}
        if is_new and plan.status in ("open", "completed", "rolled_back"):
            self.opened.append(plan)
            self.is_signature_undone |= plan.kind == "rollback"
            is_whole = plan.scope.all_funds and set(plan.tables) == set(TABLES)
            if plan.kind == "normalize" and is_whole:
                self.counted[plan.id] = dict(self.rows)

    def _require_counts(self, tracking: Tracking) -> None:
        if self.tampering:
            return
        changed = Counter(entry.batch for entry in self.log)
        for batch in tracking.batches.values():
            if batch.updated is None:
                if changed[batch.id]:
                    raise BrokenLaw("no audit row without its batch's result", f"batch {batch.id}")
                continue
            if batch.updated + (batch.skipped or 0) + (batch.failed or 0) != batch.planned:
                raise BrokenLaw("updated + skipped + failed = planned", str(batch))
            if batch.updated != changed[batch.id]:
                raise BrokenLaw("a batch counts what it changed", f"{batch}, the log has {changed[batch.id]}")

    def _note_quarantine(self, tracking: Tracking) -> None:
        """Which rows of a batch that just ended were refused: they hold what they held, and are closed."""
        for batch in tracking.batches.values():
            was = self.batches.get(batch.id)
            is_same = was is not None and (was.updated, was.skipped, was.failed) == (
                batch.updated,
                batch.skipped,
                batch.failed,
            )
            if batch.updated is None or is_same or batch.id not in self.members:
                continue
            self.quarantined[batch.id] = frozenset(
                member.key
                for member in self._left_to_do(was or batch)
                if self.is_refused(member.key, member.stage)
                and (row := self.rows.get(member.key)) is not None
                and row.stage == member.spelling
            )

    # Signing and looking back

    @property
    def baseline(self) -> Rows | None:
        """What a verification compares with. None: nothing, also if each plan was cancelled before it changed a row."""
        changed = {entry.plan for entry in self.log}
        for plan, rows in self.counted.items():
            is_cancelled = plan in self.plans and self.plans[plan].status == "cancelled"
            if not is_cancelled or plan in changed:
                return rows
        return None

    def signed(self, rows: Rows, scope: FundScope, last_entry: int) -> None:
        """A verification that saw these rows and the log up to `last_entry` was signed."""
        for key, entries in self.entries_by_row().items():
            if covers(scope, entries[-1].fund):
                self.accepted[key] = Accepted(row=rows.get(key), last_entry=last_entry)
        if scope.all_funds:
            self.signed_rows = dict(rows)
            self.is_signature_undone = False
            self.signed_up_to = last_entry
            self.counted = {None: dict(rows)}

    def entries_by_row(self) -> dict[Key, list[Entry]]:
        """The true log, row by row, oldest first."""
        found: dict[Key, list[Entry]] = defaultdict(list)
        for entry in self.log:
            found[entry.key].append(entry)
        return dict(found)

    @property
    def last_entry(self) -> int:
        return max((entry.id for entry in self.log), default=0)
