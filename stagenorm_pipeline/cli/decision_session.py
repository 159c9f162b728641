"""The state of a `decisions --ask` session: which cluster is asked, what is decided, and what can be undone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING

from stagenorm_pipeline.counts import counted

if TYPE_CHECKING:
    from stagenorm_pipeline.service.deciding import RecordedDecisions, UndecidedSpellings
    from stagenorm_pipeline.vocabulary import Choice, Cluster


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """The answer was taken. `said` is for the person; empty if there is nothing to say."""

    said: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stayed:
    """The same question is still open, because of what `said` says."""

    said: str


Outcome = Moved | Stayed


@dataclass(kw_only=True)
class DecisionSession:
    """Walks the clusters. `at` is the position of the one that is asked. After the last one, the session ends."""

    found: UndecidedSpellings
    by: str
    clusters: list[Cluster]
    at: int = 0
    decided: dict[str, Choice] = field(default_factory=dict)
    _saved: list[tuple[RecordedDecisions, Mapping[str, Choice]]] = field(default_factory=list)

    @property
    def cluster(self) -> Cluster:
        return self.clusters[self.at]

    def goes_on(self) -> bool:
        """Move on to the next undecided cluster. Returns False after the last one."""
        while self.at < len(self.clusters) and not self._waits(self.cluster):
            self.at += 1
        return self.at < len(self.clusters)

    def sure(self) -> list[Cluster]:
        """Return the undecided clusters whose proposal can be accepted in bulk."""
        from stagenorm_pipeline.vocabulary import Confidence

        waiting = (cluster for cluster in self.clusters if self._waits(cluster))
        return [one for one in waiting if one.proposal and one.proposal.confidence is Confidence.SURE]

    def decide(self, choice: Choice) -> Outcome:
        """Decide every member of the cluster alike."""
        return self._record({member.spelling: choice for member in self.cluster.members})

    def accept_sure(self) -> Outcome:
        choices = {
            member.spelling: one.proposal.choice for one in self.sure() if one.proposal for member in one.members
        }
        return self._record(choices) if choices else Stayed(said="No proposal is sure.")

    def keep_rest(self, keep: Choice) -> Outcome:
        """Keep all that has no proposal, and go on with what has one: it probably means a stage."""
        waiting = [cluster for cluster in self.clusters if self._waits(cluster)]
        rest = [cluster for cluster in waiting if cluster.proposal is None]
        if not rest:
            return Stayed(said="Every cluster that is left has a proposal: answer it, or k to keep it.")
        outcome = self._record({member.spelling: keep for cluster in rest for member in cluster.members})
        if isinstance(outcome, Moved) and len(rest) < len(waiting):
            self.at = next(at for at, cluster in enumerate(self.clusters) if self._waits(cluster))
            left = counted(len(waiting) - len(rest), "cluster")
            return Moved(said=f"{outcome.said}\n{left} with a proposal still to answer.")
        return outcome

    def take_out(self, numbers: Iterable[int]) -> Outcome:
        """Split members off, to ask about them later. Spellings that the file must decide alike leave together."""
        from stagenorm_pipeline.vocabulary import compared

        members = self.cluster.members
        named = {compared(members[number - 1].spelling) for number in numbers if 0 < number <= len(members)}
        out = tuple(member for member in members if compared(member.spelling) in named)
        if not out or len(out) == len(members):
            return Stayed(said=f"Give numbers from 1 to {len(members)}, but not all of them: -2 5")
        taken = replace(self.cluster, members=out, why="taken out of another cluster")
        rest = tuple(member for member in members if member not in out)
        self.clusters[self.at] = replace(self.cluster, members=rest)
        smaller = (at for at, one in enumerate(self.clusters) if at > self.at and one.rows <= taken.rows)
        self.clusters.insert(next(smaller, len(self.clusters)), taken)
        return Moved(said=f"{counted(len(out), 'spelling')} taken out: asked later.")

    def skip(self) -> Outcome:
        self.at += 1
        return Moved()

    def back(self) -> Outcome:
        earlier = [at for at in range(self.at) if self._waits(self.clusters[at])]
        if not earlier:
            return Stayed(said="No cluster before this one is undecided. u undoes the last answer.")
        self.at = earlier[-1]
        return Moved()

    def undo(self) -> Outcome:
        """Restore the file as it was before the last answer, and ask about the same cluster again."""
        if not self._saved:
            return Stayed(said="Nothing to undo in this session.")
        saved, choices = self._saved[-1]
        if not saved.undo():
            return Stayed(said="The file has changed since: undo it in an editor.")
        self._saved.pop()
        for spelling in choices:
            del self.decided[spelling]
        self.at = next(at for at, cluster in enumerate(self.clusters) if cluster.label in choices)
        return Moved(said=f"undone: {counted(len(choices), 'spelling')}. {self._progress()}")

    def _record(self, choices: Mapping[str, Choice]) -> Outcome:
        from stagenorm_pipeline.service.deciding import record_decisions
        from stagenorm_pipeline.vocabulary import DecisionsError, decision_for

        today = date.today()
        decisions = [decision_for(spelling, choice, by=self.by, on=today) for spelling, choice in choices.items()]
        aliases = self.found.decided.aliases
        try:
            self._saved.append((record_decisions(self.found.path, decisions, aliases=aliases), choices))
        except DecisionsError as error:
            return Stayed(said=str(error))
        self.decided |= choices
        kinds = ", ".join(sorted({str(choice) for choice in choices.values()}))
        return Moved(said=f"saved: {counted(len(choices), 'spelling')} as {kinds}. {self._progress()}")

    def _waits(self, cluster: Cluster) -> bool:
        return cluster.label not in self.decided

    def _progress(self) -> str:
        items = self.found.undecided
        rows = sum(item.rows for item in items)
        done = sum(item.rows for item in items if item.spelling in self.decided)
        return f"{len(self.decided):,} of {counted(len(items), 'spelling')}, {done / max(rows, 1):.0%} of the rows"
