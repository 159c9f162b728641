"""What all actors share: the world, the model, and how a step is done, judged and counted."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ClassVar, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.vocabulary import Stage, Vocabulary
from stagenorm_pipeline.vocabulary.decisions import Decision, Decisions
from stagenorm_pipeline_tests.histories.census import Census
from stagenorm_pipeline_tests.histories.facts import COMPANIES, DEALS, TABLES, BrokenLaw, Key, Rows, Undo
from stagenorm_pipeline_tests.histories.model import WAITING, Changes, Model
from stagenorm_pipeline_tests.histories.world import World, is_third
from stagenorm_pipeline_tests.support.spellings import CANONICAL_STAGES

EVERYTHING = FundScope()
UNKNOWN = "growth"
MESSY = ["Seed", "SEED", " seed", "Series A", "SERIES_B", "series\u0430"]
CANONICAL = ["seed", "series-a", "series-b"]
# What people can decide about the unknown spelling: nothing, a stage, that it stays.
VOCABULARIES = (
    Vocabulary.built_in(),
    Vocabulary.with_decisions(Decisions(entries=(Decision(spelling=UNKNOWN, stage=Stage("series-b")),))),
    Vocabulary.with_decisions(
        Decisions(entries=(Decision(spelling=UNKNOWN, is_kept=True, reason="a market of its own"),))
    ),
)

SPELLINGS = st.sampled_from([*MESSY, *CANONICAL, UNKNOWN])
STAGES = st.sampled_from([*MESSY, *MESSY, *CANONICAL, UNKNOWN, None])
FUNDS = st.sampled_from([1, 1, 1, 2, None])
SCOPES = st.sampled_from([EVERYTHING, EVERYTHING, EVERYTHING, FundScope.one("1"), FundScope.one(None)])
TABLE = st.sampled_from([COMPANIES, DEALS])
SOME_TABLES = st.sampled_from([TABLES, TABLES, (COMPANIES,)])
# Which of the rows, plans, batches or entries that there are; taken modulo their number.
WHICH = st.integers(0, 30)

# Rows with higher ids are the crowd: canonical, and planned by nobody.
FIRST_OF_CROWD, CROWD = 1_000, 400

DEEDS: set[str] = set()
T = TypeVar("T")
DONE, REFUSED, NOTHING = "done", "refused", "nothing to do"


def deed(*, when: Callable[[Any], bool] | None = None, **arguments: Any) -> Callable[[Callable[..., str | None]], Any]:
    """Make a method a rule: it returns its outcome (None: done), and a broken law ends the history.

    `when`: it is only chosen where this holds, so that few steps do nothing.
    """

    def decorate(function: Callable[..., str | None]) -> Any:
        DEEDS.add(function.__name__)

        @wraps(function)
        def step(self: "Actors", **drawn: Any) -> None:
            if not self.is_over:
                self.told.append(f"{function.__name__}({', '.join(f'{k}={v!r}' for k, v in drawn.items())})")
                outcome = self.judged(lambda: function(self, **drawn)) or DONE
                self.told[-1] += f": {outcome}"
                self.census.deed(function.__name__, outcome)

        # hypothesis types its rules by their arguments, which are not known here.
        make_rule: Any = rule
        chosen = make_rule(**arguments)(step)
        return chosen if when is None else precondition(when)(chosen)

    return decorate


class Actors(RuleBasedStateMachine):
    """A history in the making. `is_hunting`: broken laws are counted and end the history; otherwise they are raised."""

    world: ClassVar[World]
    census: ClassVar[Census]
    is_hunting: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()
        self.is_over = False
        # The history so far, for people.
        self.told: list[str] = []
        self.is_refusing = False
        self.vocabulary = VOCABULARIES[0]
        # The spellings that the constraint of an enforced table lets in.
        self.enforced: dict[str, frozenset[str]] = {}
        # What the command at work is about to record, in case that it is killed after the commit.
        self.planning: tuple[Vocabulary, int] | None = None
        self.undoing: tuple[Undo, int] | None = None
        # What the runner at work may still do, and whether somebody did something since it began.
        self.predicted: Changes = {}
        self.is_disturbed = False
        self.verifications: dict[int, tuple[Rows, FundScope, int, str]] = {}
        self.workers = 0
        self.world.reset()
        self.census.histories += 1
        self.model = Model(rows={}, is_refused=self.is_refused)

    @property
    def has_entries(self) -> bool:
        """Whether stagenorm changed a row that is still there."""
        return any(entry.key in self.model.rows for entry in self.model.log)

    @property
    def is_untampered(self) -> bool:
        """Whether nobody has tampered yet, and there is something to tamper with.

        Once per history: what a verification says about a second time would prove nothing about the first.
        """
        return bool(self.model.log) and not self.model.tampering

    def has_plan(self, *statuses: str) -> bool:
        """Whether there is a plan in one of these statuses."""
        return any(plan.status in statuses for plan in self.model.plans.values())

    @property
    def has_crowd(self) -> bool:
        """Whether there are canonical rows that nobody planned."""
        return any(key[1] >= FIRST_OF_CROWD for key in self.model.rows)

    @property
    def has_work(self) -> bool:
        """Whether a batch waits in an open plan."""
        waiting = {batch.plan for batch in self.model.batches.values() if batch.status in WAITING}
        return any(plan.status == "open" and plan.id in waiting for plan in self.model.plans.values())

    def is_refused(self, key: Key, stage: str) -> bool:
        """Whether the database refuses what stagenorm writes to the row."""
        allowed = self.enforced.get(key[0])
        return (self.is_refusing and is_third(key)) or (allowed is not None and stage not in allowed)

    def set_refusing(self, *, is_on: bool) -> None:
        """Have a trigger refuse every third row, or no longer."""
        self.world.sql("UPDATE refusals SET is_on = %s", is_on)
        self.is_refusing = is_on

    def judged(self, do: Callable[[], str | None]) -> str | None:
        """Do a step; a broken law is raised, or counted while hunting."""
        try:
            return do()
        except BrokenLaw as broken:
            if not self.is_hunting:
                raise
            self.census.broke(broken.law, "\n".join([*self.told, str(broken)]))
            self.is_over = True
            return "broke a law"

    def report(self, broken: BrokenLaw) -> None:
        """A verdict was wrong. While hunting the history goes on: rows and log are what the model knows."""
        if not self.is_hunting:
            raise broken
        self.census.broke(broken.law, "\n".join([*self.told, str(broken)]))

    # Looking at what is there

    def settle(self, predicted: Changes | None = None, *, is_finished: bool = False) -> None:
        """Hold what a command of stagenorm left against the model."""
        model = self.model
        model.stagenorm_wrote(
            self.world.rows(), self.world.log(model.last_entry), predicted=predicted, is_finished=is_finished
        )
        tracking = self.world.tracking()
        new = [plan for plan in tracking.plans.values() if plan.id not in model.kinds]
        for plan in new:
            members = self.world.members(plan.id)
            if plan.kind == "normalize":
                assert self.planning is not None
                model.planned(plan, self.planning[0], members, self.planning[1])
            else:
                assert self.undoing is not None
                model.rollback_recorded(plan, self.undoing[0], members, self.undoing[1])
        for (what, before, after), times in model.tracking_is(tracking).items():
            self.census.transition(what, before, after, times)

    def others(self, statement: str, *values: object) -> str:
        """Another session runs a statement; refused if a constraint is against it."""
        before = self.world.versions()
        accepted = self.world.may(statement, *values)
        after = self.world.versions()
        for key in before.keys() & after.keys():
            if before[key] != after[key]:
                self.model.others_touched(key)
        self.model.others_wrote(self.world.rows())
        return DONE if accepted else REFUSED

    # Choosing

    def row(self, which: int) -> Key | None:
        """One of the rows, not of the crowd; every other time one that stagenorm changed."""
        if which % 2 and (key := self.changed_row(which // 2)) is not None:
            return key
        return choose(sorted(key for key in self.model.rows if key[1] < FIRST_OF_CROWD), which)

    def changed_row(self, which: int) -> Key | None:
        """One of the rows that stagenorm ever changed and that are still there."""
        return choose(sorted(key for key in self.model.entries_by_row() if key in self.model.rows), which)


def choose(found: list[T], which: int) -> T | None:
    """One of those; None if there are none."""
    return found[which % len(found)] if found else None


def allowed_by(vocabulary: Vocabulary) -> frozenset[str]:
    """The spellings that an enforced column takes."""
    return frozenset({*map(str, CANONICAL_STAGES), *vocabulary.kept})
