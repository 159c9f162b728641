"""The decisions file (`stage_decisions.yaml`), read and written. What makes a decision valid is `decisions`' matter.

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
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import yaml

from stagenorm_pipeline.vocabulary.aliases import built_in_aliases
from stagenorm_pipeline.vocabulary.decisions import LEAVE_AS_IS, Decision, Decisions
from stagenorm_pipeline.vocabulary.errors import DecisionsError
from stagenorm_pipeline.vocabulary.nearest import suggest
from stagenorm_pipeline.vocabulary.quoting import escaped, quoted, shown
from stagenorm_pipeline.vocabulary.stages import CANONICAL_STAGES, Stage

# Some 250,000 entries. Above it somebody named the wrong file, or free text is no column of stages.
MAX_FILE_BYTES: Final = 32 * 1024 * 1024

_KEYS: Final = ("spelling", "stage", "reason", "decided_by", "decided_on")
_CHOICES: Final = ", ".join([*CANONICAL_STAGES, LEAVE_AS_IS])
# libyaml is some ten times faster; a PyYAML built without it reads the same files.
_LOADER: Final[type] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# What YAML 1.1 allows in a file; the two parsers differ in how they tell where they met something else.
_NOT_YAML: Final = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_HEADER: Final = f"""\
# What each spelling means that the built-in aliases do not know.
# stage: one of {", ".join(CANONICAL_STAGES)};
#   or {LEAVE_AS_IS}, with a reason; or empty while nobody has decided.
# spelling: in quotes, exactly as stored. `stagenorm decisions` adds what is new and keeps every entry, but
# writes all comments afresh: keep notes in `reason`.
"""


@dataclass(frozen=True, slots=True)
class Undecided:
    """An unknown spelling to ask a person about: how many rows hold it, and where (one line for people)."""

    spelling: str
    rows: int
    where: str = ""


def load_decisions(path: Path) -> Decisions:
    """Read the file at `path`. Raises DecisionsError, with the line, for a file that cannot be used."""
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
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DecisionsError("not UTF-8 from here on: save the file as UTF-8", f"{source}:{line}") from None
    return parse_decisions(text, source)


def parse_decisions(text: str, source: str) -> Decisions:
    """Read decisions from YAML; `source` names the file in errors. Raises DecisionsError, with the line."""
    forbidden = _NOT_YAML.search(text)
    if forbidden:
        raise DecisionsError(
            f"YAML cannot hold the character {quoted(forbidden[0])} itself: write it in that form",
            f"{source}:{text.count(chr(10), 0, forbidden.start()) + 1}",
        )
    return Decisions(tuple(_entries(_events(text, source), source)))


def render_decisions(existing: Decisions, undecided: Iterable[Undecided] = ()) -> str:
    """The file's text: every entry of `existing` in its order, then the spellings that have none, most rows first.

    `undecided` names each spelling once; where it names one that has an entry, that entry shows its rows. Reading the
    text gives the same entries back. Raises DecisionsError for a spelling that no PostgreSQL text holds (a NUL, half a
    surrogate pair) and where the text would be too large to be read again.
    """
    asked = {item.spelling: item for item in undecided}
    new = asked.keys() - {entry.spelling for entry in existing.entries}
    added = sorted((asked[spelling] for spelling in new), key=lambda item: (-item.rows, item.spelling))
    entries = Decisions((*existing.entries, *(Decision(item.spelling) for item in added))).entries
    text = "\n".join([_HEADER, *(_rendered(entry, asked.get(entry.spelling)) for entry in entries)])
    if len(text.encode()) > MAX_FILE_BYTES:
        raise DecisionsError(
            f"{len(entries):,} entries make a file larger than {MAX_FILE_BYTES >> 20} MB: decide the spellings with "
            "the most rows first, and ask whether this column holds stages at all"
        )
    return text


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


def _entries(events: Iterator[yaml.Event], source: str) -> Iterator[Decision]:
    form = "the file must be a list of entries, each beginning with `- spelling:`"
    top = next(events, None)
    if top is None:
        return
    if not isinstance(top, yaml.SequenceStartEvent):
        raise DecisionsError(form, _place(top, source))
    for event in events:
        if isinstance(event, yaml.MappingStartEvent):
            yield _decision(_fields(events, source), _place(event, source), source)
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
    return f"{source}:{event.start_mark.line + 1}" if event.start_mark else source


def _lines(event: yaml.Event) -> int:
    return event.end_mark.line - event.start_mark.line + 1 if event.start_mark and event.end_mark else 1


def _rendered(entry: Decision, asked: Undecided | None) -> str:
    lines = []
    if asked is not None:
        rows = "1 row" if asked.rows == 1 else f"{asked.rows:,} rows"
        lines.append(f"# {rows} {escaped(asked.where)}".rstrip())
    if entry.choice is None:
        lines += [f"# {suggestion}" for suggestion in suggest(entry.spelling)]
    lines += [
        f"- spelling: {quoted(entry.spelling)}",
        f"  stage: {entry.choice or ''}".rstrip(),
        f"  reason: {quoted(entry.reason)}",
        f"  decided_by: {quoted(entry.decided_by)}",
        f"  decided_on: {entry.decided_on or ''}".rstrip(),
        "",
    ]
    return "\n".join(lines)
