"""Edits that decide spellings in the decisions file: fill in an entry, take spellings out, and put them into groups."""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Final

from stagenorm_pipeline.vocabulary.decisions import KEPT, Decision
from stagenorm_pipeline.vocabulary.decisions_file import Spot, WrittenEntry
from stagenorm_pipeline.vocabulary.editable_text import Edit, EditableText
from stagenorm_pipeline.vocabulary.errors import DecisionsError
from stagenorm_pipeline.vocabulary.quoting import quoted, shown

# Comments that stagenorm writes begin with this, as in message catalogs. They go with their entry.
MACHINE_COMMENT: Final = "#:"

# What the decisions of a group have in common, in the order of the groups.
_GroupKey = tuple[int, str, str, str, str]


def filled_in(page: EditableText, entry: WrittenEntry, decision: Decision, stages: Sequence[str]) -> Iterator[Edit]:
    """Fill in the entry of a single spelling, where it stands. Fields that `decision` leaves empty stay as they are."""
    if not entry.is_block:
        where = entry.decisions[0].where
        raise DecisionsError(f"{shown(decision.spelling)} is written in braces: decide it by hand", where)
    values = {
        "stage": str(decision.choice),
        "reason": quoted(decision.reason) if decision.reason else None,
        "decided_by": quoted(decision.decided_by) if decision.decided_by else None,
        "decided_on": str(decision.decided_on) if decision.decided_on else None,
    }
    changed = {name: value for name, value in values.items() if value is not None}
    yield from (
        _replaced(page, entry.values[name], value, stages) for name, value in changed.items() if name in entry.values
    )
    margin = " " * entry.key_column
    missing = "".join(
        f"{page.line_break}{margin}{name}: {value}" for name, value in changed.items() if name not in entry.values
    )
    if missing:
        end = page.end_of_line(entry.last_line)
        yield Edit(start=end, end=end, new=missing)


def _replaced(page: EditableText, place: tuple[Spot, Spot], new: str, stages: Sequence[str]) -> Edit:
    """Return the edit that replaces a value. The proposal of an empty stage is replaced too."""
    start, end = map(page.at, place)
    if start == end:
        choices = "|".join(map(re.escape, (*stages, KEPT)))
        proposed = re.compile(rf" # ({choices})(?=[ \t]*(?:[\r\n]|$))").match(page.text, end)
        return Edit(start=start, end=proposed.end() if proposed else end, new=" " + new)
    return Edit(start=start, end=end, new=new)


def removed(
    page: EditableText, written: list[WrittenEntry], spellings: Collection[str]
) -> tuple[list[WrittenEntry], list[Edit]]:
    """Take undecided spellings out of their groups. Return the entries that remain, and the edits."""
    remaining, edits = [], []
    for number, entry in enumerate(written):
        leaving = [at for at, decision in enumerate(entry.decisions) if decision.spelling in spellings]
        if leaving and not entry.is_block:
            problem = f"{shown(entry.decisions[leaving[0]].spelling)} is written in brackets: decide it by hand"
            raise DecisionsError(problem, entry.decisions[leaving[0]].where)
        if len(leaving) < len(entry.decisions):
            remaining.append(entry)
            edits += [page.delete(_line_of_item(page, entry, at)) for at in leaving]
        else:
            edits += [page.delete(line) for line in _lines_of(page, entry, is_first=number == 0)]
    return remaining, edits


def _line_of_item(page: EditableText, entry: WrittenEntry, at: int) -> int:
    (line, column), _ = entry.places[at]
    if page.line(line)[:column].strip() != "-":
        problem = f"{shown(entry.decisions[at].spelling)} does not stand on a line of its own: decide it by hand"
        raise DecisionsError(problem, entry.decisions[at].where)
    return line


def _lines_of(page: EditableText, entry: WrittenEntry, *, is_first: bool) -> Iterator[int]:
    """Return the lines of an entry, with the machine comments above and one blank line. Other comments stay."""
    first = min(start[0] for start, _ in (*entry.values.values(), *entry.places))
    above = _first_of_comments(page, first, _is_machine_comment)
    comments = (line for line in range(first, entry.last_line + 1) if _is_comment(page.line(line)))
    persons = {line for line in comments if not _is_machine_comment(page.line(line))}
    yield from (line for line in range(above, entry.last_line + 1) if line not in persons)
    if page.has_line(entry.last_line + 1):
        if not page.line(entry.last_line + 1).strip():
            yield entry.last_line + 1
    elif not is_first and not page.line(above - 1).strip():
        yield above - 1


def _first_of_comments(page: EditableText, line: int, belongs: Callable[[str], bool]) -> int:
    """Return the first of the comment lines directly above a line; the line itself if there is none."""
    while line > 0 and belongs(page.line(line - 1)):
        line -= 1
    return line


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def _is_machine_comment(line: str) -> bool:
    return line.lstrip().startswith(MACHINE_COMMENT)


def with_groups(
    page: EditableText,
    written: list[WrittenEntry],
    remaining: list[WrittenEntry],
    decisions: list[Decision],
    stages: Sequence[str],
) -> Iterator[Edit]:
    """Add decisions to the groups of their stage, reason, person and day; and the groups that are missing.

    `stages` gives the order of the groups.
    """
    items = {decision.spelling: quoted(decision.spelling) for decision in decisions}
    for entry in written:
        for at, decision in enumerate(entry.decisions):
            if entry.is_group and decision.spelling in items:
                items[decision.spelling] += _persons_comment(page, entry.places[at])
    by_key: dict[_GroupKey, list[Decision]] = defaultdict(list)
    for decision in sorted(decisions, key=lambda decision: decision.spelling):
        by_key[_key(decision, stages)].append(decision)
    groups = {_key(entry.decisions[0], stages): entry for entry in reversed(written) if _can_grow(page, entry)}
    for key, found in sorted(by_key.items()):
        if key in groups:
            yield from _added_to(page, groups[key], found, items)
        else:
            margin = " " * ((written[0].dash_column or 0) if written else 0)
            lines = [margin + line for line in _group_lines(key, [items[decision.spelling] for decision in found])]
            decided = (entry for entry in written if entry.choice is not None)
            before = [entry for entry in decided if _key(entry.decisions[0], stages) <= key]
            yield _new_group(page, lines, before, remaining)


def _persons_comment(page: EditableText, place: tuple[Spot, Spot]) -> str:
    """Return the comment that a person wrote behind a spelling: it goes where the spelling goes."""
    line, column = place[1]
    comment = page.line(line)[column:].strip()
    return f"  {comment}" if comment and not _is_machine_comment(comment) else ""


def _key(decision: Decision, stages: Sequence[str]) -> _GroupKey:
    on = str(decision.decided_on) if decision.decided_on else ""
    choice = decision.choice or KEPT
    return (*stages, KEPT).index(choice), choice, decision.reason, on, decision.decided_by


def _can_grow(page: EditableText, entry: WrittenEntry) -> bool:
    """Return whether an entry is a decided group with each spelling on a line of its own."""
    starts = (start for start, _ in entry.places)
    return (
        entry.is_group
        and entry.is_block
        and entry.choice is not None
        and all(page.line(line)[:column].strip() == "-" for line, column in starts)
    )


def _added_to(page: EditableText, group: WrittenEntry, found: list[Decision], items: dict[str, str]) -> Iterator[Edit]:
    """Insert spellings into a group, each before the first that sorts after it."""
    line, column = group.places[0][0]
    margin = page.line(line)[:column]
    for decision in found:
        after = (
            place[0][0]
            for place, other in zip(group.places, group.decisions, strict=True)
            if other.spelling > decision.spelling
        )
        yield page.insert(next(after, group.places[-1][1][0] + 1), [margin + items[decision.spelling]])


def _new_group(page: EditableText, lines: list[str], before: list[WrittenEntry], remaining: list[WrittenEntry]) -> Edit:
    """Insert a group after the last entry that comes before it; else before the first entry."""
    if before:
        return page.insert(before[-1].last_line + 1, ["", *lines])
    if not remaining:
        return page.insert(page.lines, ["", *lines])
    first = remaining[0]
    line = min(start[0] for start, _ in (*first.values.values(), *first.places))
    above = _first_of_comments(page, line, _is_comment)
    # Comments from the first line of the file on are about the file.
    return page.insert(line if above == 0 else above, [*lines, ""])


def _group_lines(key: _GroupKey, items: list[str]) -> Iterator[str]:
    _, choice, reason, decided_on, decided_by = key
    yield f"- stage: {choice}"
    if reason:
        yield f"  reason: {quoted(reason)}"
    yield f"  decided_by: {quoted(decided_by)}"
    yield f"  decided_on: {decided_on}"
    yield "  spellings:"
    yield from (f"    - {item}" for item in items)
