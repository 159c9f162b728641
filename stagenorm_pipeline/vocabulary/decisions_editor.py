"""Add clusters to decide, or decisions, to the text of the decisions file. Everything else stays byte for byte.

Decided spellings are in groups: one for each stage, reason, person and day, in the order of the stages, each with its
spellings sorted. A new decision goes into its group, and leaves the entry where it was undecided.

Each new text is parsed before it is returned. If it does not contain exactly the old entries and the new ones, the
edit is refused.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Final

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.vocabulary.aliases import AliasTable, built_in_aliases
from stagenorm_pipeline.vocabulary.choices import Keep
from stagenorm_pipeline.vocabulary.clusters import Cluster, clusters_of
from stagenorm_pipeline.vocabulary.decided_entries import MACHINE_COMMENT, filled_in, removed, with_groups
from stagenorm_pipeline.vocabulary.decisions import KEPT, Decision, Decisions, Undecided
from stagenorm_pipeline.vocabulary.decisions_file import (
    BYTE_ORDER_MARK,
    MAX_FILE_BYTES,
    WrittenEntry,
    parse_decisions,
    written_entries,
)
from stagenorm_pipeline.vocabulary.editable_text import EditableText
from stagenorm_pipeline.vocabulary.errors import DecisionsError
from stagenorm_pipeline.vocabulary.proposals import Proposal
from stagenorm_pipeline.vocabulary.quoting import escaped, quoted, shown

_HEADER: Final = """\
# What each spelling means that the aliases do not know. One entry is one decision about its spellings.
# stage: one of {stages};
#   or {kept}, with a reason; or empty while nobody has decided.
#   Where a proposal stands behind a #, deleting the # takes it.
# spellings: in quotes, exactly as stored. To decide one of them otherwise, move its line to another entry.
# `stagenorm decisions` adds what is new at the end. Your comments stay; {machine} comments go with their entry.
"""
_COMMENT: Final = 500


def with_undecided(text: str, source: str, undecided: Iterable[Undecided], *, aliases: AliasTable | None = None) -> str:
    """Return the text with the spellings that have no entry, one new entry for each cluster, most rows first.

    `aliases`: the aliases that the decisions complete. None: the built-in ones.
    Raises DecisionsError, with the line, for a text that cannot be read or added to, for a spelling that PostgreSQL
    cannot store (a NUL, half a surrogate pair), and for a text that would be too large to read.
    """
    aliases = built_in_aliases() if aliases is None else aliases
    written = list(written_entries(text, source, aliases))
    existing = _entries(written, aliases)
    have = {entry.spelling for entry in existing}
    new = [item for item in undecided if item.spelling not in have]
    if not new:
        return text
    margin = " " * _margin(written, source)
    before = EditableText(_with_header(text, aliases))
    lines: list[str] = []
    added: list[Decision] = []
    for cluster in clusters_of(new, Decisions(entries=existing, aliases=aliases)):
        lines += ["", *(f"{margin}{line}" for line in _lines(cluster))]
        added += [Decision(spelling=member.spelling, reason=_reason(cluster)) for member in cluster.members]
    after = before.text + "".join(line + before.line_break for line in lines)
    return _checked(after, source, Decisions(entries=(*existing, *added), aliases=aliases))


def with_decisions(text: str, source: str, decisions: Iterable[Decision], *, aliases: AliasTable | None = None) -> str:
    """Return the text with these decisions added. Fields that a decision leaves empty are those of its entry.

    `aliases`: the aliases that the decisions complete. None: the built-in ones.
    Raises DecisionsError, with the line, for a text that cannot be read or changed, for a spelling that is decided
    already, and for a decision that another one contradicts.
    """
    aliases = built_in_aliases() if aliases is None else aliases
    written = list(written_entries(text, source, aliases))
    have = {entry.spelling: entry for entry in _entries(written, aliases)}
    asked: dict[str, Decision] = {}
    for decision in decisions:
        said = have.get(decision.spelling)
        if said is not None and said.choice is not None:
            raise DecisionsError(f"{shown(decision.spelling)} is decided already", said.where)
        asked[decision.spelling] = decision
    if not asked:
        return text
    _margin(written, source)
    new = {spelling: _completed(decision, have.get(spelling)) for spelling, decision in asked.items()}
    page = EditableText(_with_header(text, aliases))
    stages = aliases.canonical
    single = {entry.decisions[0].spelling: entry for entry in written if not entry.is_group}
    edits = [
        edit
        for spelling in single.keys() & asked
        for edit in filled_in(page, single[spelling], asked[spelling], stages)
    ]
    moving = {spelling: decision for spelling, decision in new.items() if spelling not in single}
    remaining, removals = removed(page, written, moving.keys())
    edits += [*removals, *with_groups(page, written, remaining, list(moving.values()), stages)]
    return _checked(page.edited(edits), source, Decisions(entries=tuple((have | new).values()), aliases=aliases))


def _completed(decision: Decision, said: Decision | None) -> Decision:
    """Return the decision with what its undecided entry says already."""
    if said is None:
        return decision
    return replace(
        decision,
        reason=decision.reason or said.reason,
        decided_by=decision.decided_by or said.decided_by,
        decided_on=decision.decided_on or said.decided_on,
    )


def _entries(written: Iterable[WrittenEntry], aliases: AliasTable) -> tuple[Decision, ...]:
    entries = tuple(decision for entry in written for decision in entry.decisions)
    return Decisions(entries=entries, aliases=aliases).entries


def _with_header(text: str, aliases: AliasTable) -> str:
    """Return the text ready for lines at its end: with a header if it is empty, and with a last line break."""
    header = _HEADER.format(stages=", ".join(aliases.canonical), kept=KEPT, machine=MACHINE_COMMENT)
    started = text if text.removeprefix(BYTE_ORDER_MARK).strip() else text + header
    return started if started.endswith(("\n", "\r")) else started + EditableText(started).line_break


def _lines(cluster: Cluster) -> Iterator[str]:
    """Return the lines of the entry for a cluster that nobody has decided."""
    several = f", {len(cluster.members):,} spellings" if len(cluster.members) > 1 else ""
    yield f"{MACHINE_COMMENT} {counted(cluster.rows, 'row')}{several}"
    proposal = cluster.proposal
    if proposal is not None:
        yield f"{MACHINE_COMMENT} {proposal.confidence}: {proposal.choice} ({proposal.why})"
    elif several:
        yield f"{MACHINE_COMMENT} together: {cluster.why}"
    yield from (f"{MACHINE_COMMENT} {hint}" for hint in cluster.hints)
    yield f"- stage: # {proposal.choice}" if proposal else "- stage:"
    yield f"  reason: {quoted(_reason(cluster))}"
    yield '  decided_by: ""'
    yield "  decided_on:"
    yield "  spellings:"
    for member in cluster.members:
        where = member.where if len(member.where) <= _COMMENT else member.where[:_COMMENT] + "…"
        yield f"    - {quoted(member.spelling)} {MACHINE_COMMENT} {escaped(where) or counted(member.rows, 'row')}"


def _reason(cluster: Cluster) -> str:
    match cluster.proposal:
        case Proposal(choice=Keep(reason=reason)):
            return reason
    return ""


def _margin(written: list[WrittenEntry], source: str) -> int:
    """Return the column of the dashes before the entries."""
    if not written:
        return 0
    if written[0].dash_column is None:
        raise DecisionsError(
            "the list is written in brackets, so nothing can be added: write each entry as `- spelling: ...`, on "
            "its own lines",
            source,
        )
    return written[0].dash_column


def _checked(text: str, source: str, meant: Decisions) -> str:
    if len(text.encode()) > MAX_FILE_BYTES:
        raise DecisionsError(
            f"{len(meant.entries):,} spellings make a file larger than {MAX_FILE_BYTES >> 20} MB: decide those with "
            "the most rows first, and ask whether this column holds stages at all",
            source,
        )
    with suppress(DecisionsError):
        if set(parse_decisions(text, source, meant.aliases).entries) == set(meant.entries):
            return text
    raise DecisionsError("has a form that cannot be edited: write a plain list of `- spelling: ...` entries", source)
