"""Read the decisions that a reviewer made in a file of any form: a spreadsheet, or a patch of the review page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import assert_never

from stagenorm_pipeline.errors import ConfigurationError
from stagenorm_pipeline.service.decision_patch_file import read_patch_file
from stagenorm_pipeline.service.decision_sheet import ReviewedFile, SheetForm, read_sheet


class ReviewedForm(StrEnum):
    """The forms of a reviewer's file. The value is its suffix."""

    CSV = ".csv"
    EXCEL = ".xlsx"
    PATCH = ".json"


def reviewed_form(path: Path) -> ReviewedForm:
    """Return the form that the suffix of a reviewer's file names. Raises ConfigurationError for any other suffix."""
    suffix = path.suffix.lower()
    if suffix not in tuple(ReviewedForm):
        known = " or ".join(ReviewedForm)
        raise ConfigurationError(f"{path}: its suffix does not say what it is.", remedy=f"Import a {known} file.")
    return ReviewedForm(suffix)


def read_reviewed_file(path: Path, spellings: Mapping[str, str], *, by: str, on: date) -> ReviewedFile:
    """Read a reviewer's decisions. `spellings`: the spelling of each hash. `by`, `on`: where the file says nothing.

    Raises DecisionsError, with the place, for a decision that cannot be used.
    """
    match form := reviewed_form(path):
        case ReviewedForm.CSV:
            return read_sheet(path, SheetForm.CSV, spellings, by=by, on=on)
        case ReviewedForm.EXCEL:
            return read_sheet(path, SheetForm.EXCEL, spellings, by=by, on=on)
        case ReviewedForm.PATCH:
            return read_patch_file(path, spellings, by=by)
        case _:
            assert_never(form)
