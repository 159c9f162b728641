"""Add entries to the text of the decisions file, or fill one in. Everything else stays byte for byte, comments too.

Each new text is parsed before it is returned. If it does not contain exactly the old entries and the new ones, the
edit is refused.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Final

from stagenorm_pipeline.vocabulary.decisions import KEPT, LONGEST_SPELLING, Decision, Decisions, Undecided
from stagenorm_pipeline.vocabulary.decisions_file import (
    BYTE_ORDER_MARK,
    MAX_FILE_BYTES,
    Spot,
    WrittenEntry,
    parse_decisions,
    written_entries,
)
from stagenorm_pipeline.vocabulary.errors import DecisionsError
from stagenorm_pipeline.vocabulary.proposals import Proposer
from stagenorm_pipeline.vocabulary.quoting import escaped, quoted, shown
from stagenorm_pipeline.vocabulary.stages import CANONICAL_STAGES, Stage
from stagenorm_pipeline.vocabulary.suggestions import suggest

_HEADER: Final = f"""\
# What each spelling means that the built-in aliases do not know.
# stage: one of {", ".join(CANONICAL_STAGES)};
#   or {KEPT}, with a reason; or empty while nobody has decided.
#   Where a proposal stands behind a #, deleting the # takes it.
# spelling: in quotes, exactly as stored.
# `stagenorm decisions` adds what is new at the end, and changes nothing that stands here.
"""
_COMMENT: Final = 500

# The line breaks of YAML.
_LINE_BREAK: Final = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_PROPOSAL: Final = re.compile(rf" # ({'|'.join(map(re.escape, CANONICAL_STAGES))})(?=[ \t]*(?:[\r\n]|$))")


def with_undecided(text: str, source: str, undecided: Iterable[Undecided]) -> str:
    """Return the text with a new entry for each spelling that has none, most rows first.

    Raises DecisionsError, with the line, for a text that cannot be read or added to, for a spelling that PostgreSQL
    cannot store (a NUL, half a surrogate pair), and for a text that would be too large to read.
    """
    written = list(written_entries(text, source))
    existing = Decisions(entries=tuple(entry.decision for entry in written))
    have = {entry.spelling for entry in existing.entries}
    new = sorted(
        {item.spelling: item for item in undecided if item.spelling not in have}.values(),
        key=lambda item: (-item.rows, item.spelling),
    )
    if not new:
        return text
    entries = Decisions(entries=(*existing.entries, *(Decision(spelling=item.spelling) for item in new))).entries
    proposer = Proposer.for_decisions(existing)
    margin = " " * _margin(written, source)
    lines = []
    for item in new:
        lines += ["", *(f"{margin}{line}" for line in _lines(item, proposer))]
    before = text if text.removeprefix(BYTE_ORDER_MARK).strip() else text + _HEADER
    break_ = _line_break(before)
    before += "" if before.endswith(("\n", "\r")) else break_
    return _checked(before + "".join(line + break_ for line in lines), source, entries)


def with_decision(text: str, source: str, decision: Decision) -> str:
    """Return the text with an undecided entry decided. Fields that `decision` leaves empty stay as they are.

    Raises DecisionsError, with the line, for a text that cannot be read or changed, and for an entry that is missing
    or already decided.
    """
    written = list(written_entries(text, source))
    found = next((entry for entry in written if entry.decision.spelling == decision.spelling), None)
    if found is None:
        raise DecisionsError(f"{shown(decision.spelling)} has no entry any more", source)
    if found.decision.choice is not None:
        raise DecisionsError(f"{shown(decision.spelling)} is decided already", found.decision.where)
    if not found.is_block:
        raise DecisionsError(
            f"{shown(decision.spelling)} is written in braces: decide it by hand", found.decision.where
        )
    said = found.decision
    decided = replace(
        decision,
        reason=decision.reason or said.reason,
        decided_by=decision.decided_by or said.decided_by,
        decided_on=decision.decided_on or said.decided_on,
        where=said.where,
    )
    entries = tuple(decided if entry is found else entry.decision for entry in written)
    return _checked(_filled_in(text, found, decision), source, entries)


def _lines(item: Undecided, proposer: Proposer) -> Iterator[str]:
    rows = "1 row" if item.rows == 1 else f"{item.rows:,} rows"
    where = item.where if len(item.where) <= _COMMENT else item.where[:_COMMENT] + "…"
    yield f"# {rows}: {escaped(where)}" if where else f"# {rows}"
    if len(item.spelling) > LONGEST_SPELLING:
        yield f"# longer than {LONGEST_SPELLING:,} characters: cannot be decided, correct such rows in the database"
    proposal = proposer.propose(item.spelling)
    proposed = None
    if proposal is not None:
        yield f"# {proposal.choice}: {proposal.why}"
        proposed = proposal.choice if isinstance(proposal.choice, Stage) else None
    yield from (f"# {suggestion}" for suggestion in suggest(item.spelling) if proposal is None)
    yield f"- spelling: {quoted(item.spelling)}"
    yield f"  stage: # {proposed}" if proposed else "  stage:"
    yield '  reason: ""'
    yield '  decided_by: ""'
    yield "  decided_on:"


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


def _line_break(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _filled_in(text: str, entry: WrittenEntry, decision: Decision) -> str:
    values = {
        "stage": str(decision.choice),
        "reason": quoted(decision.reason) if decision.reason else None,
        "decided_by": quoted(decision.decided_by) if decision.decided_by else None,
        "decided_on": str(decision.decided_on) if decision.decided_on else None,
    }
    places = _Places(text)
    edits: list[tuple[int, int, str]] = []
    missing = ""
    margin = " " * entry.key_column
    for name, value in values.items():
        if value is None:
            continue
        if name in entry.values:
            edits.append(places.edit(entry.values[name], value))
        else:
            missing += f"{_line_break(text)}{margin}{name}: {value}"
    if missing:
        end = places.end_of_line(max(end[0] for _, end in entry.values.values()))
        edits.append((end, end, missing))
    parts, at = [], 0
    # The sort is stable: missing keys come after a value at the same place.
    for start, end, new in sorted(edits, key=lambda edit: edit[0]):
        parts += [text[at:start], new]
        at = end
    return "".join([*parts, text[at:]])


class _Places:
    """Convert the parser's lines and columns to positions in the text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._ends = [found.start() for found in _LINE_BREAK.finditer(text)] + [len(text)]
        self._starts = [len(BYTE_ORDER_MARK) if text.startswith(BYTE_ORDER_MARK) else 0]
        self._starts += [found.end() for found in _LINE_BREAK.finditer(text)]

    def end_of_line(self, line: int) -> int:
        return self._ends[line]

    def edit(self, value: tuple[Spot, Spot], new: str) -> tuple[int, int, str]:
        """Return start, end and new text of a value. The proposal of an empty stage is replaced too."""
        start, end = (self._starts[line] + column for line, column in value)
        if start == end:
            proposed = _PROPOSAL.match(self._text, end)
            return start, proposed.end() if proposed else end, " " + new
        return start, end, new


def _checked(text: str, source: str, entries: tuple[Decision, ...]) -> str:
    if len(text.encode()) > MAX_FILE_BYTES:
        raise DecisionsError(
            f"{len(entries):,} entries make a file larger than {MAX_FILE_BYTES >> 20} MB: decide the spellings with "
            "the most rows first, and ask whether this column holds stages at all",
            source,
        )
    with suppress(DecisionsError):
        if parse_decisions(text, source).entries == entries:
            return text
    raise DecisionsError("has a form that cannot be edited: write a plain list of `- spelling: ...` entries", source)
