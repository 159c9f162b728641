"""Turn pydantic's errors about stagenorm.toml into plain English: the file, the entry, what is wrong, what to do."""

import dataclasses
import json
from pathlib import Path
from typing import Any, get_args, get_type_hints

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from stagenorm_pipeline.errors import ConfigurationError

_SHOWN_CHARACTERS = 60
# What pydantic calls it in a model and in a dataclass.
_UNKNOWN_KEY = ("extra_forbidden", "unexpected_keyword_argument")


def in_plain_english(error: ValidationError, file: type[BaseModel], source: Path) -> ConfigurationError:
    """Return one error that lists every wrong entry of the file `source`, whose model is `file`."""
    found = [_problem_and_remedy(details, file) for details in error.errors(include_url=False)]
    # Each wrong element of a list is one error of pydantic's.
    problems, remedies = zip(*dict.fromkeys(found), strict=True)
    return ConfigurationError(f"{source}: {' '.join(problems)}", remedy=" ".join(dict.fromkeys(remedies)))


def _problem_and_remedy(details: ErrorDetails, file: type[BaseModel]) -> tuple[str, str]:
    model, section, key = _place(details["loc"], file)
    where = f" in {section}" if section else ""
    known = _fields(model)
    if details["type"] in _UNKNOWN_KEY:
        return f"Unknown key {_shown(key)}{where}.", f"Known keys: {', '.join(sorted(known))}."
    if details["type"] == "missing":
        return f"{section} has no `{key}`.", f'Add {key} = "...".'
    kind = known[key]
    wrong = _shown(details["input"]) if kind.repr else ""
    return f"`{key}`{where} must be {_description(kind)}" + (f", not {wrong}." if wrong else "."), _remedy(key, kind)


def _remedy(key: str, kind: FieldInfo) -> str:
    if kind.examples:
        return f"Write {kind.examples[0]}."
    if isinstance(kind.default, str | int | float):
        return f"Write {key} = {json.dumps(kind.default)}, which is the default."
    return f"Correct `{key}`." if kind.is_required() else f"Correct `{key}`, or remove it to use the default."


def _place(location: tuple[int | str, ...], file: type[BaseModel]) -> tuple[type[Any], str, str]:
    """Return the model of the section that holds the wrong entry, the section's name, and the entry's key."""
    match location:
        case ("target" | "guard" as name, int(number), str(key), *_):
            return _section(file, name), f"[[{name}]] number {number + 1}", key
        case (str(name), str(key), *_):
            return _section(file, name), f"[{name}]", key
        case _:
            return file, "", str(location[0])


def _section(file: type[BaseModel], name: str) -> type[Any]:
    """Return the model of a section: the type of the field, or of its elements."""
    annotation: Any = file.model_fields[name].annotation
    return next(iter(get_args(annotation)), annotation)  # type: ignore[no-any-return]


def _fields(model: type[Any]) -> dict[str, FieldInfo]:
    """Return the fields of a pydantic model or of a dataclass, by the keys that the file uses."""
    if issubclass(model, BaseModel):
        return {kind.alias or name: kind for name, kind in model.model_fields.items()}
    hints = get_type_hints(model, include_extras=True)
    known: dict[str, FieldInfo] = {}
    for entry in dataclasses.fields(model):
        kind = FieldInfo.from_annotated_attribute(hints[entry.name], entry.default)
        # A field that no representation shows may hold a password: its value is not shown here either.
        kind.repr = entry.repr
        known[entry.name] = kind
    return known


def _description(kind: FieldInfo) -> str:
    """Return what the entry must be. With `X | None` the description is X's."""
    of_members = (FieldInfo.from_annotation(member).description for member in get_args(kind.annotation))
    return kind.description or next(filter(None, of_members))


def _shown(value: object) -> str:
    """Return a wrong value as the file writes it, shortened; empty for a list, a table or a date."""
    if isinstance(value, float):
        return str(value)
    if not isinstance(value, str | int):
        return ""
    text = json.dumps(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."
