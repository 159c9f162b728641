"""The decisions file (`stage_decisions.yaml`), read.

What makes a decision valid is the matter of `decisions`; adding to the file is that of `decisions_text`.

The file is YAML, a list of entries:

    - spelling: "Seed Round"
      stage: seed
      reason: ""
      decided_by: "Ana"
      decided_on: 2026-01-19

`spelling` is in quotes, exactly as stored. `stage` is a canonical stage, `leave-as-is`, or empty while undecided.
The other three may be left out; `leave-as-is` needs a reason.

Reading walks the parser's events and constructs nothing: anchors, tags, nesting or a second document are refused
where they stand, before they can cost anything.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import yaml

from stagenorm_pipeline.vocabulary.aliases import built_in_aliases
from stagenorm_pipeline.vocabulary.decisions import LEAVE_AS_IS, Decision, Decisions
from stagenorm_pipeline.vocabulary.errors import DecisionsError
from stagenorm_pipeline.vocabulary.quoting import quoted, shown
from stagenorm_pipeline.vocabulary.stages import CANONICAL_STAGES, Stage

# Some 250,000 entries. Above it somebody named the wrong file, or free text is no column of stages.
MAX_FILE_BYTES: Final = 32 * 1024 * 1024

BYTE_ORDER_MARK: Final = "\ufeff"

_KEYS: Final = ("spelling", "stage", "reason", "decided_by", "decided_on")
_CHOICES: Final = ", ".join([*CANONICAL_STAGES, LEAVE_AS_IS])
# libyaml is some ten times faster; a PyYAML built without it reads the same files.
_LOADER: Final[type] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# What YAML 1.1 allows in a file; the two parsers differ in how they tell where they met something else.
_NOT_YAML: Final = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def load_decisions(path: Path) -> Decisions:
    """Read the file at `path`. Raises DecisionsError, with the line, for a file that cannot be used."""
    return parse_decisions(read_decisions_text(path), str(path))


def read_decisions_text(path: Path) -> str:
    """The file's text, each byte in its place. Raises DecisionsError where it is missing, too large or not UTF-8."""
    source = str(path)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise DecisionsError("no such file: `stagenorm decisions` writes one", source) from None
    except OSError as error:
        raise DecisionsError(f"cannot be read: {error.strerror}", source) from None
    if len(data) > MAX_FILE_BYTES:
        raise DecisionsError(f"larger than {MAX_FILE_BYTES >> 20} MB: is it the right file?", source)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DecisionsError("not UTF-8 from here on: save the file as UTF-8", f"{source}:{line}") from None


def parse_decisions(text: str, source: str) -> Decisions:
    """Read decisions from YAML; `source` names the file in errors. Raises DecisionsError, with the line."""
    return Decisions(entries=tuple(entry.decision for entry in written_entries(text, source)))


# A line and a column of the text, both from 0.
Spot = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenEntry:
    """An entry and where it is written: the column of its keys, and the start and end of each value by its key.

    `dash_column` None: the list is in brackets. `is_block` false: the entry is in braces.
    """

    decision: Decision
    dash_column: int | None
    is_block: bool
    key_column: int
    values: dict[str, tuple[Spot, Spot]]


def written_entries(text: str, source: str) -> Iterator[WrittenEntry]:
    """The entries of a file's text, in its order. Raises DecisionsError, with the line."""
    # The byte order mark, which some editors write, takes no place in its line.
    text = text.removeprefix(BYTE_ORDER_MARK)
    forbidden = _NOT_YAML.search(text)
    if forbidden:
        raise DecisionsError(
            f"YAML cannot hold the character {quoted(forbidden[0])} itself: write it in that form",
            f"{source}:{text.count(chr(10), 0, forbidden.start()) + 1}",
        )
    return _entries(_events(text, source), source)


def _events(text: str, source: str) -> Iterator[yaml.Event]:
    """The nodes of the only document. Raises at the first anchor, alias, tag, second document or syntax error."""
    documents = 0
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise DecisionsError("a second document begins: keep one list", _place(event, source))
            elif isinstance(event, yaml.NodeEvent):
                if event.anchor is not None or getattr(event, "tag", None) is not None:
                    raise DecisionsError(
                        "anchors, aliases and tags are not used here: write the text", _place(event, source)
                    )
                yield event
            elif isinstance(event, yaml.CollectionEndEvent):
                yield event
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise DecisionsError(f"not readable as YAML: {error.problem}", f"{source}:{line}") from None


def _entries(events: Iterator[yaml.Event], source: str) -> Iterator[WrittenEntry]:
    form = "the file must be a list of entries, each beginning with `- spelling:`"
    top = next(events, None)
    if top is None:
        return
    if not isinstance(top, yaml.SequenceStartEvent):
        raise DecisionsError(form, _place(top, source))
    dash_column = None if top.flow_style else _start(top)[1]
    for event in events:
        if isinstance(event, yaml.MappingStartEvent):
            fields = _fields(events, source)
            yield WrittenEntry(
                decision=_decision(fields, _place(event, source), source),
                dash_column=dash_column,
                is_block=not event.flow_style,
                key_column=_start(event)[1],
                values={name: (_start(value), _end(value)) for name, value in fields.items()},
            )
        elif not isinstance(event, yaml.SequenceEndEvent):
            raise DecisionsError(form, _place(event, source))


def _fields(events: Iterator[yaml.Event], source: str) -> dict[str, yaml.ScalarEvent]:
    """The keys and values of the entry that just began."""
    fields: dict[str, yaml.ScalarEvent] = {}
    for key in events:
        if isinstance(key, yaml.MappingEndEvent):
            break
        value = next(events)
        where = _place(key, source)
        if not isinstance(key, yaml.ScalarEvent) or key.value not in _KEYS:
            name = shown(key.value) if isinstance(key, yaml.ScalarEvent) else "a nested key"
            raise DecisionsError(f"{name} is no key of an entry: use {', '.join(_KEYS)}", where)
        if key.value in fields:
            raise DecisionsError(f"`{key.value}` is given twice in one entry: keep one", where)
        if not isinstance(value, yaml.ScalarEvent):
            raise DecisionsError(f"`{key.value}` must be one text, no list or mapping", where)
        fields[key.value] = value
    return fields


def _decision(fields: dict[str, yaml.ScalarEvent], where: str, source: str) -> Decision:
    for name in ("spelling", "stage"):
        if name not in fields:
            raise DecisionsError(f"this entry has no `{name}:` line: add it", where)
    text = {name: _text(value) for name, value in fields.items()}
    stage = _stage(text["stage"], _place(fields["stage"], source))
    decided_on = text.get("decided_on", "")
    return Decision(
        spelling=_spelling(fields["spelling"], source),
        stage=stage,
        leave_as_is=text["stage"] == LEAVE_AS_IS,
        reason=text.get("reason", ""),
        decided_by=text.get("decided_by", ""),
        decided_on=_date(decided_on, _place(fields["decided_on"], source)) if decided_on else None,
        where=where,
    )


def _spelling(value: yaml.ScalarEvent, source: str) -> str:
    # Bare text would be cut at ` #`, trimmed, or read as a truth value, a number or nothing; a quoted line break
    # becomes a space. Either way the entry would silently be about another spelling.
    if value.style not in ("'", '"') or _lines(value) > 1:
        raise DecisionsError(
            f"put the spelling in quotes, on one line: spelling: {shown(value.value)}", _place(value, source)
        )
    return value.value


def _stage(text: str, where: str) -> Stage | None:
    if text in ("", LEAVE_AS_IS):
        return None
    try:
        return Stage(text)
    except ValueError:
        meant = built_in_aliases().stage_of(text)
        hint = f"write {meant}" if meant else f"use one of {_CHOICES}, or leave it empty"
        raise DecisionsError(f"{shown(text)} is no canonical stage: {hint}", where) from None


def _date(text: str, where: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise DecisionsError(f"decided_on {shown(text)} is no date: write it like 2026-01-19", where) from None


def _text(value: yaml.ScalarEvent) -> str:
    """The text as written; an unquoted YAML null is no text."""
    is_null = value.implicit[0] and value.value in ("~", "null", "Null", "NULL")
    return "" if is_null else value.value


def _place(event: yaml.Event, source: str) -> str:
    return f"{source}:{_start(event)[0] + 1}"


def _start(event: yaml.Event) -> Spot:
    return (event.start_mark.line, event.start_mark.column) if event.start_mark else (0, 0)


def _end(event: yaml.Event) -> Spot:
    return (event.end_mark.line, event.end_mark.column) if event.end_mark else (0, 0)


def _lines(event: yaml.Event) -> int:
    return _end(event)[0] - _start(event)[0] + 1
