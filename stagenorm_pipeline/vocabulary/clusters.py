"""Group undecided spellings into clusters, so that one decision covers all spellings that mean the same.

Clusters only order the work of a person: matching stays exact, and a decision about a cluster is one decision for each
of its spellings.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate, combinations
from typing import Final

from stagenorm_pipeline.vocabulary.decisions import Decisions, Undecided
from stagenorm_pipeline.vocabulary.proposals import Proposal, Proposer
from stagenorm_pipeline.vocabulary.suggestions import LATER_ROUND, suggest
from stagenorm_pipeline.vocabulary.typing_errors import corrections
from stagenorm_pipeline.vocabulary.words import core_words, words_of

# A group with fewer of all undecided rows may join one that shares a word with it.
_SMALL_SHARE: Final = 0.01

# The group that others extend has a word that says something: "N/A" does not extend "A".
_SHORTEST_BASE_WORD: Final = 3
# A spelling with more words is a sentence, not an extended stage.
_MOST_WORDS: Final = 6

_SAME_WORDS: Final = "the same words, apart from order, harmless words and typing errors"
_MORE_WORDS: Final = "the same words, and in some of them more"
_NO_WORDS: Final = "no words: numbers, signs or nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Spellings to decide together, most rows first. `why` says what several have in common.

    `proposal` holds for every member; None: a person chooses without one. `cumulative_share` is the share (0 to 1) of
    all undecided rows in this cluster and the larger ones. `why` is a line of fixed words; empty for a
    spelling on its own.
    """

    members: tuple[Undecided, ...]
    why: str
    proposal: Proposal | None
    cumulative_share: float

    @property
    def label(self) -> str:
        """The spelling with most rows."""
        return self.members[0].spelling

    @property
    def rows(self) -> int:
        return sum(member.rows for member in self.members)

    @property
    def hints(self) -> tuple[str, ...]:
        """Lines of fixed words that say what the label may mean, if there is no proposal."""
        if self.proposal is not None:
            return ()
        is_several = len(self.members) > 1
        return tuple(str(found) for found in suggest(self.label) if not (is_several and found.why == self.why))

    @property
    def funds(self) -> int:
        """In how many funds the cluster is at least: those of the member that is in most."""
        return max(member.funds for member in self.members)


def clusters_of(undecided: Iterable[Undecided], decisions: Decisions) -> tuple[Cluster, ...]:
    """Group spellings into clusters, most rows first. `decisions` are those made already: proposals agree with them.

    Spellings go together that have the same proposal; that name a round after series-c; that have the same words in
    any order, apart from harmless words and typing errors; and small groups that share a word.
    """
    # Sorted, so that the order in which a database returns them changes nothing.
    items = sorted({item.spelling: item for item in undecided}.values(), key=lambda item: (-item.rows, item.spelling))
    total = sum(item.rows for item in items)
    proposed, rest = _by_proposal(items, Proposer.for_decisions(decisions))
    groups = [*proposed, *_with_small_joined(_by_words(rest), least=total * _SMALL_SHARE)]
    groups.sort(key=lambda group: (-group.rows, group.members[0].spelling))
    shares = accumulate(group.rows / max(total, 1) for group in groups)
    return tuple(group.cluster(min(share, 1.0)) for group, share in zip(groups, shares, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """A cluster in the making. `words`: what its members have in common, for joining; empty if it joins nothing."""

    members: tuple[Undecided, ...]
    why: str
    proposal: Proposal | None = None
    words: frozenset[str] = frozenset()

    @property
    def rows(self) -> int:
        return sum(member.rows for member in self.members)

    def cluster(self, cumulative_share: float) -> Cluster:
        return Cluster(members=self.members, why=self.why, proposal=self.proposal, cumulative_share=cumulative_share)


def _group(
    members: Iterable[Undecided], why: str, proposal: Proposal | None = None, words: Iterable[str] = ()
) -> _Group:
    ordered = sorted(members, key=lambda item: (-item.rows, item.spelling))
    return _Group(members=tuple(ordered), why=why, proposal=proposal, words=frozenset(words))


def _by_proposal(items: Iterable[Undecided], proposer: Proposer) -> tuple[list[_Group], list[Undecided]]:
    """Group the spellings with the same proposal, and the rounds after series-c. Return the others ungrouped."""
    proposed: dict[tuple[object, object], list[tuple[Undecided, Proposal]]] = defaultdict(list)
    later: list[Undecided] = []
    rest: list[Undecided] = []
    for item in items:
        proposal = proposer.propose(item.spelling)
        if proposal is not None:
            proposed[proposal.choice, proposal.confidence].append((item, proposal))
        elif suggest(item.spelling) == (LATER_ROUND,):
            later.append(item)
        else:
            rest.append(item)
    groups = []
    for found in proposed.values():
        largest = max(found, key=lambda pair: pair[0].rows)[1]
        groups.append(_group((item for item, _ in found), largest.why, largest))
    return groups + ([_group(later, LATER_ROUND.why)] if later else []), rest


def _by_words(items: Iterable[Undecided]) -> list[_Group]:
    """Group the spellings with the same core words, in any order, after typing errors are corrected."""
    read = [(item, words_of(item.spelling)) for item in items]
    corrected = corrections((words, item.rows) for item, words in read)
    found: dict[tuple[str, ...], list[Undecided]] = defaultdict(list)
    for item, words in read:
        core = core_words(tuple(meant for word in words for meant in corrected.get(word, (word,))))
        found[core if any(map(str.isalpha, core)) else ()].append(item)
    return [_group(members, _SAME_WORDS if core else _NO_WORDS, words=core) for core, members in found.items()]


def _with_small_joined(groups: list[_Group], *, least: float) -> list[_Group]:
    """Join the groups with fewer than `least` rows: those that contain one alias, then each with a group it extends."""
    small = [group for group in groups if group.words and group.rows < least]
    by_alias: dict[str, list[_Group]] = defaultdict(list)
    for group in small:
        match suggest(group.members[0].spelling):
            case (found,) if found.is_among_other_words:
                by_alias[found.why].append(group)
    several = {why: found for why, found in by_alias.items() if len(found) > 1}
    joined = {id(group) for found in several.values() for group in found}
    together = [_joined(found, why) for why, found in several.items()]
    return [*together, *_with_extensions_joined([group for group in groups if id(group) not in joined], least=least)]


def _with_extensions_joined(groups: list[_Group], *, least: float) -> list[_Group]:
    """Join each small group with the group whose words it has, and more: "Structured Debt" with "Debt"."""
    by_words = {group.words: group for group in groups if group.words}
    parts: dict[int, list[_Group]] = {id(group): [group] for group in groups}
    # The longest first: a group that joins another takes along those that have joined it.
    for group in sorted(by_words.values(), key=lambda group: -len(group.words)):
        if group.rows < least and (base := _base(group, by_words)) is not None:
            parts[id(base)] += parts.pop(id(group))
    return [_joined(found, _MORE_WORDS) if len(found) > 1 else found[0] for found in parts.values()]


def _base(group: _Group, by_words: Mapping[frozenset[str], _Group]) -> _Group | None:
    """Return the group that has all words of `group` but one or two, if there is one: the fewest missing, most rows."""
    if len(group.words) > _MOST_WORDS:
        return None
    for missing in (1, 2):
        shorter = (group.words - set(words) for words in combinations(sorted(group.words), missing))
        found = [by_words[words] for words in shorter if words in by_words and _says_something(words)]
        if found:
            return max(found, key=lambda base: (base.rows, base.members[0].spelling))
    return None


def _says_something(words: frozenset[str]) -> bool:
    return any(word.isalpha() and len(word) >= _SHORTEST_BASE_WORD for word in words)


def _joined(groups: list[_Group], why: str) -> _Group:
    members = (member for group in groups for member in group.members)
    return _group(members, why, words=groups[0].words)
