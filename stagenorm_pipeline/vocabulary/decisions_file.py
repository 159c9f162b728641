"""Read the decisions file (`stage_decisions.yaml`). `decisions_editor` changes it.

The file is a YAML list of entries:

    - spelling: "Seed Round"
      stage: seed
      reason: ""
      decided_by: "Ana"
      decided_on: 2026-01-19

`spelling` is in quotes, exactly as stored. `stage` is a canonical stage, `leave-as-is`, or empty while undecided.
The other three may be left out; `leave-as-is` needs a reason.

Reading walks the parser's events and constructs no objects. Anchors, tags, nesting and second documents are refused at
their line, before they can use memory or time.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import yaml

from stagenorm_pipeline.vocabulary.aliases import built_in_aliases
from stagenorm_pipeline.vocabulary.decisions import KEPT, Decision, Decisions
from stagenorm_pipeline.vocabulary.errors import DecisionsError
from stagenorm_pipeline.vocabulary.quoting import quoted, shown
from stagenorm_pipeline.vocabulary.stages import CANONICAL_STAGES, Stage

# About 250,000 entries. A larger file is the wrong file, or the column holds free text instead of stages.
MAX_FILE_BYTES: Final = 32 * 1024 * 1024

BYTE_ORDER_MARK: Final = "\ufeff"

_KEYS: Final = ("spelling", "stage", "reason", "decided_by", "decided_on")
_CHOICES: Final = ", ".join([*CANONICAL_STAGES, KEPT])
# libyaml is about 10 times faster. PyYAML without libyaml reads the same files.
_LOADER: Final[type] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# Everything but the characters that YAML 1.1 allows. Checked here: the two parsers report them at different places.
_NOT_YAML: Final = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def load_decisions(path: Path) -> Decisions:
    """Read the file at `path`. Raises DecisionsError, with the line, for a file that cannot be used."""
    return parse_decisions(read_decisions_text(path), str(path))


def read_decisions_text(path: Path) -> str:
    """Read the file's text with its line breaks. Raises DecisionsError if it is missing, too large or not UTF-8."""
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
    """An entry and its place in the text: the column of its keys, and the start and end of each value.

    `dash_column` None: the list is in brackets. `is_block` false: the entry is in braces.
    """

    decision: Decision
    dash_column: int | None
    is_block: bool
    key_column: int
    values: dict[str, tuple[Spot, Spot]]


def written_entries(text: str, source: str) -> Iterator[WrittenEntry]:
    """Return the entries of a text in their order. Raises DecisionsError, with the line."""
    # Some editors write a byte order mark. The parser does not count it as a column.
    text = text.removeprefix(BYTE_ORDER_MARK)
    forbidden = _NOT_YAML.search(text)
    if forbidden:
        raise DecisionsError(
            f"YAML cannot hold the character {quoted(forbidden[0])} itself: write it in that form",
            f"{source}:{text.count(chr(10), 0, forbidden.start()) + 1}",
        )
    return _entries(_events(text, source), source)


def _events(text: str, source: str) -> Iterator[yaml.Event]:
    """Yield the nodes of the document. Raise at the first anchor, alias, tag, second document or syntax error."""
    documents = 0
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise DecisionsError("a second document starts here: write one list only", _place(event, source))
            elif isinstance(event, yaml.NodeEvent):
                if event.anchor is not None or getattr(event, "tag", None) is not None:
                    raise DecisionsError(
                        "anchors, aliases and tags are not allowed: write the text", _place(event, source)
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
    """Read the keys and values of the current entry."""
    fields: dict[str, yaml.ScalarEvent] = {}
    for key in events:
        if isinstance(key, yaml.MappingEndEvent):
            break
        value = next(events)
        where = _place(key, source)
        if not isinstance(key, yaml.ScalarEvent) or key.value not in _KEYS:
            name = shown(key.value) if isinstance(key, yaml.ScalarEvent) else "a nested key"
            raise DecisionsError(f"{name} is not a key of an entry: use {', '.join(_KEYS)}", where)
        if key.value in fields:
            raise DecisionsError(f"`{key.value}` is given twice in one entry: remove one", where)
        if not isinstance(value, yaml.ScalarEvent):
            raise DecisionsError(f"`{key.value}` must be a text, not a list or a mapping", where)
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
        is_kept=text["stage"] == KEPT,
        reason=text.get("reason", ""),
        decided_by=text.get("decided_by", ""),
        decided_on=_date(decided_on, _place(fields["decided_on"], source)) if decided_on else None,
        where=where,
    )


def _spelling(value: yaml.ScalarEvent, source: str) -> str:
    # YAML cuts unquoted text at ` #`, trims it, or reads it as a truth value, a number or null. In quotes it reads a
    # line break as a space. The entry would silently mean another spelling.
    if value.style not in ("'", '"') or _lines(value) > 1:
        raise DecisionsError(
            f"put the spelling in quotes, on one line: spelling: {shown(value.value)}", _place(value, source)
        )
    return value.value


def _stage(text: str, where: str) -> Stage | None:
    if text in ("", KEPT):
        return None
    try:
        return Stage(text)
    except ValueError:
        meant = built_in_aliases().stage_of(text)
        hint = f"write {meant}" if meant else f"use one of {_CHOICES}, or leave it empty"
        raise DecisionsError(f"{shown(text)} is not a canonical stage: {hint}", where) from None


def _date(text: str, where: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise DecisionsError(f"decided_on {shown(text)} is not a date: write it like 2026-01-19", where) from None


def _text(value: yaml.ScalarEvent) -> str:
    """Return the text as written. An unquoted YAML null is an empty text."""
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
