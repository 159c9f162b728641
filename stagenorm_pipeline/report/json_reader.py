"""Read the JSON report of a verification back into a result: the inverse of `json_document`."""

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from stagenorm_pipeline.engine.verify.result import VerificationResult
from stagenorm_pipeline.errors import StagenormError
from stagenorm_pipeline.report.json_document import REPORT_VERSION, Document
from stagenorm_pipeline.vocabulary import Stage


class ReportReadError(StagenormError):
    """A text is not a verification report that this version can read."""


def read_verification(report: str) -> VerificationResult:
    """Read a verification from its JSON report. Fields that an older version did not write get their defaults.

    Raises ReportReadError for any other text.
    """
    try:
        document: Document = json.loads(report)
        if (document["report_version"], document["kind"]) != (REPORT_VERSION, "verification"):
            raise ValueError("it has another report_version or kind")
        for check in document["checks"]:
            # The JSON has sorted keys, but people read the figures in the order of the rule.
            names = check.get("figures_in_order", check["figures"])
            check["figures"] = {name: check["figures"][name] for name in names}
        result = _read(VerificationResult, document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ReportReadError(
            f"This is not a report that stagenorm can read: {error}.",
            remedy="Print it as JSON, or use the version of stagenorm that made it.",
        ) from error
    assert isinstance(result, VerificationResult)  # noqa: S101 - for the type checker
    return result


def _read(kind: Any, value: Any) -> Any:
    """Read one JSON value as the given type. Raises TypeError or ValueError if it does not fit."""
    if (origin := get_origin(kind)) is not None:
        return _read_composed(origin, get_args(kind), value)
    if is_dataclass(kind):
        return _read_fields(kind, _checked(value, dict))
    if kind is datetime:
        return datetime.fromisoformat(_checked(value, str))
    if issubclass(kind, Enum):
        return kind(value)
    if issubclass(kind, Stage):
        return kind(_checked(value, str))
    return _checked(value, kind)


def _read_composed(origin: Any, parts: tuple[Any, ...], value: Any) -> Any:
    """Read an optional value, a tuple of any length, or a mapping."""
    if origin in (Union, UnionType):
        (known,) = (part for part in parts if part is not NoneType)
        return None if value is None else _read(known, value)
    if origin is tuple:
        return tuple(_read(parts[0], item) for item in _checked(value, list))
    if issubclass(origin, Mapping):
        return {_read(parts[0], key): _read(parts[1], item) for key, item in _checked(value, dict).items()}
    raise TypeError(f"{origin} cannot be read")


def _read_fields(kind: Any, document: Document) -> Any:
    types = get_type_hints(kind)
    given = {}
    for field in fields(kind):
        if field.name in document:
            given[field.name] = _read(types[field.name], document[field.name])
        elif field.default is MISSING and field.default_factory is MISSING:
            raise ValueError(f"{kind.__name__} has no {field.name}")
    return kind(**given)


def _checked(value: Any, kind: type) -> Any:
    # In Python a bool is an int, so it needs its own check.
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise TypeError(f"{value!r:.100} is not of the type {kind.__name__}")
    return value
