"""Read the patch file that the review page exports: one reviewer's decisions, as JSON.

A spelling is identified by its hash. Its bytes are beside it: the file says what was decided without a database.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Base64Bytes, BaseModel, ConfigDict, Field, ValidationError

from stagenorm_pipeline.service.decision_sheet import ReviewedFile, read_reviewed_bytes
from stagenorm_pipeline.vocabulary import DecisionPatch, DecisionsError, PatchEntry, read_choice


class _PatchModel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Entry(_PatchModel):
    spelling_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    spelling_base64: Base64Bytes
    stage: str
    reason: str = ""
    decided_by: str
    decided_on: date


class _Patch(_PatchModel):
    """The whole file. `review`: which page it comes from."""

    format: Literal["stagenorm decisions patch"]
    version: Literal[1]
    review: str
    exported_at: str
    decisions: tuple[_Entry, ...]


def read_patch_file(path: Path, spellings: Mapping[str, str], *, by: str) -> ReviewedFile:
    """Read the decisions in a patch file. `spellings`: the spelling of each hash. `by`: where an entry names nobody.

    Raises DecisionsError, with the entry, for a decision that cannot be used.
    """
    entries: list[PatchEntry] = []
    unknown: list[str] = []
    for number, entry in enumerate(_read(path).decisions, start=1):
        person = entry.decided_by.strip() or by
        where = f"{path} decision {number} of {person}"
        if entry.spelling_sha256 in spellings:
            entries.append(_patch_entry(entry, where, by=person))
        else:
            unknown.append(where)
    return ReviewedFile(patch=DecisionPatch(source=str(path), entries=tuple(entries)), unknown=tuple(unknown))


def _read(path: Path) -> _Patch:
    try:
        return _Patch.model_validate_json(read_reviewed_bytes(path))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"]))
        problem = f"{place}: {first['msg']}" if place else first["msg"]
        raise DecisionsError(
            f"is not a patch file of this version ({problem}): export it from the review page again", str(path)
        ) from None


def _patch_entry(entry: _Entry, where: str, *, by: str) -> PatchEntry:
    try:
        spelling = entry.spelling_base64.decode()
        choice = read_choice(entry.stage, reason=entry.reason)
    except UnicodeDecodeError:
        raise DecisionsError("spelling_base64 is not UTF-8: export the file again", where) from None
    except DecisionsError as error:
        raise DecisionsError(error.problem, where) from None
    if choice is None:
        raise DecisionsError("has no stage: export the file from the review page again", where)
    return PatchEntry(
        sha256=entry.spelling_sha256,
        spelling=spelling,
        choice=choice,
        decided_by=by,
        decided_on=entry.decided_on,
        where=where,
    )
