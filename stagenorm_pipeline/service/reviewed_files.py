"""Read the decisions that a reviewer made in a file of any form."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import assert_never

from stagenorm_pipeline.errors import ConfigurationError
from stagenorm_pipeline.service.decision_sheet import ReviewedFile, SheetForm, read_sheet


def reviewed_form(path: Path) -> SheetForm:
    """Return the form that the suffix of a reviewer's file names. Raises ConfigurationError for any other suffix."""
    suffix = path.suffix.lower()
    if suffix not in tuple(SheetForm):
        known = " or ".join(SheetForm)
        raise ConfigurationError(f"{path}: its suffix does not say what it is.", remedy=f"Import a {known} file.")
    return SheetForm(suffix)


def read_reviewed_file(path: Path, spellings: Mapping[str, str], *, by: str, on: date) -> ReviewedFile:
    """Read a reviewer's decisions. `spellings`: the spelling of each hash. `by`, `on`: where the file says nothing.

    Raises DecisionsError, with the place, for a decision that cannot be used.
    """
    match form := reviewed_form(path):
        case SheetForm.CSV | SheetForm.EXCEL:
            return read_sheet(path, form, spellings, by=by, on=on)
        case _:
            assert_never(form)
