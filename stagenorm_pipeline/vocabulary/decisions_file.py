"""Read the decisions file (`stage_decisions.yaml`). `decisions_editor` changes it.

The file is a YAML list of entries. Each is one decision, about one spelling or several:

    - stage: seed
      reason: ""
      decided_by: "Ana"
      decided_on: 2026-01-19
      spellings:
        - "Seed Funding"
        - "Seed Round"

    - spelling: "Series D"
      stage:

Spellings are in quotes, exactly as stored. `stage` is a canonical stage, `leave-as-is`, or empty while undecided.
The other three may be left out; `leave-as-is` needs a reason.

Reading walks the parser's events and constructs no objects. Anchors, tags, nesting and second documents are refused at
their line, before they can use memory or time.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from enum import Enum, auto
from pathlib import Path
from typing import Final

import yaml

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.vocabulary.aliases import AliasTable, built_in_aliases
from stagenorm_pipeline.vocabulary.decisions import KEPT, Decision, Decisions
from stagenorm_pipeline.vocabulary.errors import DecisionsError
from stagenorm_pipeline.vocabulary.quoting import quoted, shown
from stagenorm_pipeline.vocabulary.stages import Stage

# About 250,000 entries. A larger file is the wrong file, or the column holds free text instead of stages.
MAX_FILE_BYTES: Final = 32 * 1024 * 1024

BYTE_ORDER_MARK: Final = "\ufeff"

_TEXTS: Final = ("spelling", "stage", "reason", "decided_by", "decided_on")
_KEYS: Final = (*_TEXTS, "spellings")
# libyaml is about 10 times faster. PyYAML without libyaml reads the same files.
_LOADER: Final[type] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# Everything but the characters that YAML 1.1 allows. Checked here: the two parsers report them at different places.
_NOT_YAML: Final = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionsInForce:
    """Which decisions file counts, and how many spellings it decides. As text: one line for people."""

    path: str
    exists: bool
    decided: int = 0
    undecided: int = 0

    def __str__(self) -> str:
        if not self.exists:
            return f"no decisions file ({self.path} does not exist)"
        waiting = f", {self.undecided:,} undecided" if self.undecided else ""
        return f"{self.path} ({counted(self.decided, 'spelling')} decided{waiting})"


def load_decisions(path: Path, aliases: AliasTable | None = None) -> Decisions:
    """Read the file at `path`. Raises DecisionsError, with the line, for a file that cannot be used.

    `aliases`: the aliases that the decisions complete. None: the built-in ones.
    """
    return parse_decisions(read_decisions_text(path), str(path), aliases)


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


def parse_decisions(text: str, source: str, aliases: AliasTable | None = None) -> Decisions:
    """Read decisions from YAML; `source` names the file in errors. Raises DecisionsError, with the line.

    `aliases` None: the built-in ones.
    """
    aliases = built_in_aliases() if aliases is None else aliases
    written = written_entries(text, source, aliases)
    entries = tuple(decision for entry in written for decision in entry.decisions)
    return Decisions(entries=entries, aliases=aliases)


# A line and a column of the text, both from 0.
Spot = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenEntry:
    """An entry and its place in the text: the column of its keys, and the start and end of each value.

    `decisions` has one for each spelling. `places`: where each one is, if they are in a list under `spellings`.
    `dash_column` None: the list is in brackets. `is_block` false: the entry or its spellings are in braces or brackets.
    """

    decisions: tuple[Decision, ...]
    places: tuple[tuple[Spot, Spot], ...]
    dash_column: int | None
    is_block: bool
    key_column: int
    values: dict[str, tuple[Spot, Spot]]

    @property
    def is_group(self) -> bool:
        return bool(self.places)

    @property
    def choice(self) -> str | None:
        """The choice for all of its spellings; None if undecided."""
        return self.decisions[0].choice

    @property
    def last_line(self) -> int:
        return max(end[0] for _, end in (*self.values.values(), *self.places))


def written_entries(text: str, source: str, aliases: AliasTable) -> Iterator[WrittenEntry]:
    """Return the entries of a text in their order. Raises DecisionsError, with the line."""
    # Some editors write a byte order mark. The parser does not count it as a column.
    text = text.removeprefix(BYTE_ORDER_MARK)
    forbidden = _NOT_YAML.search(text)
    if forbidden:
        raise DecisionsError(
            f"YAML cannot hold the character {quoted(forbidden[0])} itself: write it in that form",
            f"{source}:{text.count(chr(10), 0, forbidden.start()) + 1}",
        )
    return _entries(_events(text, source), source, aliases)


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


def _entries(events: Iterator[yaml.Event], source: str, aliases: AliasTable) -> Iterator[WrittenEntry]:
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
                decisions=_decisions(fields, _place(event, source), source, aliases),
                places=tuple((_start(spelling), _end(spelling)) for spelling in fields.spellings),
                dash_column=dash_column,
                is_block=not event.flow_style and not fields.is_flow_list,
                key_column=_start(event)[1],
                values={name: (_start(value), _end(value)) for name, value in fields.texts.items()},
            )
        elif not isinstance(event, yaml.SequenceEndEvent):
            raise DecisionsError(form, _place(event, source))


@dataclass(slots=True, kw_only=True)
class _Fields:
    """The values of an entry. `spellings`: those of `spelling` or `spellings`."""

    texts: dict[str, yaml.ScalarEvent] = field(default_factory=dict)
    spellings: tuple[yaml.ScalarEvent, ...] = ()
    is_group: bool = False
    is_flow_list: bool = False


def _fields(events: Iterator[yaml.Event], source: str) -> _Fields:
    """Read the keys and values of the current entry."""
    fields = _Fields()
    for key in events:
        if isinstance(key, yaml.MappingEndEvent):
            break
        value = next(events)
        where = _place(key, source)
        if not isinstance(key, yaml.ScalarEvent) or key.value not in _KEYS:
            name = shown(key.value) if isinstance(key, yaml.ScalarEvent) else "a nested key"
            raise DecisionsError(f"{name} is not a key of an entry: use {', '.join(_KEYS)}", where)
        if key.value in fields.texts or (key.value == "spellings" and fields.is_group):
            raise DecisionsError(f"`{key.value}` is given twice in one entry: remove one", where)
        if key.value == "spellings":
            fields.is_group = True
            fields.is_flow_list = isinstance(value, yaml.SequenceStartEvent) and bool(value.flow_style)
            fields.spellings = _list_of_spellings(value, events, source)
        elif isinstance(value, yaml.ScalarEvent):
            fields.texts[key.value] = value
        else:
            raise DecisionsError(f"`{key.value}` must be a text, not a list or a mapping", where)
    return fields


def _list_of_spellings(value: yaml.Event, events: Iterator[yaml.Event], source: str) -> tuple[yaml.ScalarEvent, ...]:
    form = '`spellings` must be a list with at least one spelling, each as `- "..."`'
    if not isinstance(value, yaml.SequenceStartEvent):
        raise DecisionsError(form, _place(value, source))
    spellings = []
    for event in events:
        if isinstance(event, yaml.SequenceEndEvent):
            break
        if not isinstance(event, yaml.ScalarEvent):
            raise DecisionsError(form, _place(event, source))
        spellings.append(event)
    if not spellings:
        raise DecisionsError(form, _place(value, source))
    return tuple(spellings)


def _decisions(fields: _Fields, where: str, source: str, aliases: AliasTable) -> tuple[Decision, ...]:
    if fields.is_group and "spelling" in fields.texts:
        raise DecisionsError("this entry has both `spelling:` and `spellings:`: remove one", where)
    if not fields.is_group and "spelling" not in fields.texts:
        raise DecisionsError("this entry has no `spelling:` line and no `spellings:`: add one", where)
    if "stage" not in fields.texts:
        raise DecisionsError("this entry has no `stage:` line: add it", where)
    text = {name: _text(value) for name, value in fields.texts.items()}
    written = _stage(text["stage"], _place(fields.texts["stage"], source), aliases)
    decided_on = text.get("decided_on", "")
    on = _date(decided_on, _place(fields.texts["decided_on"], source)) if decided_on else None
    places = [(spelling, _place(spelling, source)) for spelling in fields.spellings]
    return tuple(
        Decision(
            spelling=_spelling(spelling, source),
            stage=written if isinstance(written, Stage) else None,
            is_kept=written is _NoStage.KEPT,
            reason=text.get("reason", ""),
            decided_by=text.get("decided_by", ""),
            decided_on=on,
            where=place,
        )
        for spelling, place in places or [(fields.texts["spelling"], where)]
    )


def _spelling(value: yaml.ScalarEvent, source: str) -> str:
    # YAML cuts unquoted text at ` #`, trims it, or reads it as a truth value, a number or null. In quotes it reads a
    # line break as a space. The entry would silently mean another spelling.
    if value.style not in ("'", '"') or _lines(value) > 1:
        raise DecisionsError(f"put the spelling in quotes, on one line: {shown(value.value)}", _place(value, source))
    return value.value


class _NoStage(Enum):
    """What `stage:` says if it names no stage."""

    UNDECIDED = auto()
    KEPT = auto()


def _stage(text: str, where: str, aliases: AliasTable) -> Stage | _NoStage:
    if not text:
        return _NoStage.UNDECIDED
    if text == KEPT:
        return _NoStage.KEPT
    if text in aliases.canonical:
        return Stage(text)
    meant = aliases.stage_of(text)
    choices = ", ".join([*aliases.canonical, KEPT])
    hint = f"write {meant}" if meant else f"use one of {choices}, or leave it empty"
    raise DecisionsError(f"{shown(text)} is not a canonical stage: {hint}", where)


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
