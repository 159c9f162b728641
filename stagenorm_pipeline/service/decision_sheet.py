"""Write undecided spellings to a spreadsheet (CSV or Excel), and read a reviewer's decisions from it.

A row is identified by its spelling's hash, never by the text in its cells: programs change texts on the way.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stagenorm_pipeline.errors import StagenormError
from stagenorm_pipeline.output_files import replace_file
from stagenorm_pipeline.report.escape import for_terminal, sentence_for_terminal
from stagenorm_pipeline.vocabulary import (
    CANONICAL_STAGES,
    KEPT,
    Choice,
    Cluster,
    DecisionPatch,
    DecisionsError,
    Keep,
    PatchEntry,
    Undecided,
    read_choice,
    spelling_sha256,
)

if TYPE_CHECKING:
    import pandas as pd
    from openpyxl.worksheet.worksheet import Worksheet

# From left to right: what it is, what a person fills in, what helps.
COLUMNS: Final = (
    "cluster",
    "spelling",
    "rows",
    "proposal",
    "confidence",
    "cluster_stage",
    "stage",
    "reason",
    "why",
    "cluster_rows",
    "share_so_far",
    "funds",
    "where",
    "decided_by",
    "spelling_id",
)
_TO_FILL_IN: Final = ("cluster_stage", "stage", "reason", "decided_by")
_NEEDED: Final = ("stage", "spelling_id")
_ID_PREFIX: Final = "sha256:"
# A spreadsheet reads a cell that begins with one of these as a formula. The last four: their full-width forms.
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_SHEET: Final = "decisions"
# In characters.
_WIDTH: Final = 12
_WIDTHS: Final = {"cluster": 8, "spelling": 36, "rows": 8, "cluster_stage": 14, "reason": 26, "why": 60, "where": 50}
_YELLOW: Final = "FFF9DB"
_GREY: Final = "999999"
_MAX_BYTES: Final = 32 * 1024 * 1024
_MAX_UNPACKED_BYTES: Final = 512 * 1024 * 1024


class SheetForm(StrEnum):
    """The forms of a spreadsheet. The value is the suffix of the file."""

    CSV = ".csv"
    EXCEL = ".xlsx"


def write_sheet(path: Path, clusters: Sequence[Cluster], form: SheetForm) -> None:
    """Write one row for each undecided spelling, the clusters with most rows first."""
    # Importing pandas takes 1.4 s.
    import pandas as pd

    rows = [row for number, cluster in enumerate(clusters, start=1) for row in _rows_of(number, cluster)]
    frame = pd.DataFrame.from_records(rows, columns=list(COLUMNS))
    match form:
        case SheetForm.CSV:
            # Excel needs the byte order mark to read UTF-8. Quotes around every cell keep separators in their cell.
            replace_file(path, "\ufeff" + frame.to_csv(index=False, quoting=1, lineterminator="\r\n"))
        case SheetForm.EXCEL:
            replace_file(path, _workbook(frame))


def _rows_of(number: int, cluster: Cluster) -> Iterator[tuple[str | int | float, ...]]:
    why = cluster.proposal.why if cluster.proposal else "; ".join(cluster.hints) or cluster.why
    yield from (_row(number, cluster, member, why) for member in cluster.members)


def _row(number: int, cluster: Cluster, member: Undecided, why: str) -> tuple[str | int | float, ...]:
    proposal = cluster.proposal
    cells: dict[str, str | int | float] = {
        "cluster": number,
        "spelling": for_terminal(member.spelling, quote=True, limit=1_000),
        "rows": member.rows,
        "proposal": str(proposal.choice) if proposal else "",
        "confidence": proposal.confidence.value if proposal else "",
        "cluster_stage": "",
        "stage": "",
        "reason": proposal.choice.reason if proposal and isinstance(proposal.choice, Keep) else "",
        "why": why,
        "cluster_rows": cluster.rows,
        "share_so_far": round(cluster.cumulative_share, 4),
        "funds": member.funds,
        "where": member.where,
        "decided_by": "",
        "spelling_id": _ID_PREFIX + spelling_sha256(member.spelling),
    }
    return tuple(_defused(cell) if isinstance(cell, str) else cell for cell in cells.values())


def _defused(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula, without control characters."""
    shown = sentence_for_terminal(text, limit=2_000)
    return f"'{shown}" if shown.startswith(_FORMULA_STARTS) else shown


def _workbook(frame: pd.DataFrame) -> bytes:
    import pandas as pd

    data = io.BytesIO()
    with pd.ExcelWriter(data, engine="openpyxl") as writer:
        frame.to_excel(writer, sheet_name=_SHEET, index=False)
        _make_convenient(writer.sheets[_SHEET], len(frame))
    return data.getvalue()


def _make_convenient(sheet: Worksheet, rows: int) -> None:
    """Keep head and spelling in view, add filters and a list of stages to choose from; make every text a text."""
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation
    from openpyxl.worksheet.properties import PageSetupProperties

    letters = {name: get_column_letter(number) for number, name in enumerate(COLUMNS, start=1)}
    sheet.freeze_panes = f"{letters['rows']}2"
    sheet.auto_filter.ref = sheet.dimensions
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    for name, letter in letters.items():
        sheet.column_dimensions[letter].width = _WIDTHS.get(name, _WIDTH)
    stages = DataValidation(type="list", formula1=f'"{",".join([*CANONICAL_STAGES, KEPT])}"', allow_blank=True)
    for name in ("cluster_stage", "stage"):
        stages.add(f"{letters[name]}2:{letters[name]}{rows + 1}")
    sheet.add_data_validation(stages)
    _style(sheet)


def _style(sheet: Worksheet) -> None:
    """Make every text a text, colour what a person fills in, and draw a line above each cluster."""
    from openpyxl.styles import Border, PatternFill, Side

    to_fill_in = PatternFill("solid", start_color=_YELLOW)
    above_cluster = Border(top=Side(style="thin", color=_GREY))
    for above, row in pairwise(sheet.iter_rows()):
        is_first = row[0].value != above[0].value
        for name, cell in zip(COLUMNS, row, strict=True):
            if isinstance(cell.value, str):
                cell.data_type = "s"
            if name in _TO_FILL_IN:
                cell.fill = to_fill_in
            if name == "share_so_far":
                cell.number_format = "0%"
            if is_first:
                cell.border = above_cluster


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewedFile:
    """The decisions of a reviewer. `unknown`: the places of decisions about spellings that no row holds any more."""

    patch: DecisionPatch
    unknown: tuple[str, ...]


def read_sheet(path: Path, form: SheetForm, spellings: Mapping[str, str], *, by: str, on: date) -> ReviewedFile:
    """Read the rows with a decision. `spellings`: the spelling of each hash. `by`, `on`: where the sheet says nothing.

    `stage` decides its row, `cluster_stage` every row of its cluster that has no `stage`. Raises DecisionsError, with
    the row, for a decision that cannot be used.
    """
    rows = tuple(_rows(path, form))
    for_clusters = _cluster_choices(rows)
    entries: list[PatchEntry] = []
    unknown: list[str] = []
    for row in rows:
        choice = row.choice("stage") or for_clusters.get(row.cell("cluster"))
        if choice is None:
            continue
        spelling = spellings.get(row.sha256())
        if spelling is None:
            unknown.append(row.where)
        else:
            entries.append(row.entry(spelling, choice, by=by, on=on))
    return ReviewedFile(patch=DecisionPatch(source=str(path), entries=tuple(entries)), unknown=tuple(unknown))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    where: str
    cells: Mapping[str, str]

    def cell(self, name: str) -> str:
        return self.cells.get(name, "").strip()

    def choice(self, column: str) -> Choice | None:
        """Return the choice in a column; None if it is empty."""
        try:
            return read_choice(self.cell(column), reason=self.cell("reason").removeprefix("'"))
        except DecisionsError as error:
            raise DecisionsError(f"{column}: {error.problem}", self.where) from None

    def sha256(self) -> str:
        identity = self.cell("spelling_id")
        if not identity.startswith(_ID_PREFIX) or len(identity) != len(_ID_PREFIX) + 64:
            raise DecisionsError("spelling_id is missing or changed: copy it from the exported file", self.where)
        return identity.removeprefix(_ID_PREFIX)

    def entry(self, spelling: str, choice: Choice, *, by: str, on: date) -> PatchEntry:
        return PatchEntry(
            sha256=self.sha256(),
            spelling=spelling,
            choice=choice,
            decided_by=self.cell("decided_by").removeprefix("'") or by,
            decided_on=on,
            where=self.where,
        )


def _cluster_choices(rows: Sequence[_Row]) -> dict[str, Choice]:
    """Return the choice for each cluster. Raises DecisionsError if a cluster has two."""
    chosen: dict[str, tuple[Choice, _Row]] = {}
    for row in rows:
        choice = row.choice("cluster_stage")
        if choice is None:
            continue
        if not row.cell("cluster"):
            raise DecisionsError("cluster_stage needs a cluster: write `stage` instead", row.where)
        earlier, at = chosen.setdefault(row.cell("cluster"), (choice, row))
        if earlier != choice:
            raise DecisionsError(f"cluster_stage differs from that in {at.where}: remove one", row.where)
    return {cluster: choice for cluster, (choice, _) in chosen.items()}


def _rows(path: Path, form: SheetForm) -> Iterator[_Row]:
    data = read_reviewed_bytes(path)
    try:
        frame = _csv_frame(data) if form is SheetForm.CSV else _excel_frame(data)
    except (ValueError, KeyError, OSError, zipfile.BadZipFile) as error:
        kind = "a CSV file" if form is SheetForm.CSV else "an Excel workbook"
        raise DecisionsError(f"cannot be read as {kind}: save it again in that form", str(path)) from error
    # A spreadsheet program may have taken the byte order mark for a part of the first name.
    names = [str(name).removeprefix("\ufeff").strip().lower() for name in frame.columns]
    for name in _NEEDED:
        if name not in names:
            raise DecisionsError(f"has no column `{name}`: use the file that `stagenorm decisions` wrote", str(path))
    for number, cells in enumerate(frame.itertuples(index=False, name=None), start=2):
        yield _Row(where=f"{path} row {number}", cells=dict(zip(names, map(str, cells), strict=True)))


def read_reviewed_bytes(path: Path) -> bytes:
    """Read a reviewer's file. Raises StagenormError if it cannot be read, DecisionsError if it is too large."""
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise StagenormError(f"{path} cannot be read: {error.strerror}.", remedy="Name the reviewer's file.") from error
    if len(data) > _MAX_BYTES:
        raise DecisionsError(f"larger than {_MAX_BYTES >> 20} MB: is it the right file?", str(path))
    return data


def _csv_frame(data: bytes) -> pd.DataFrame:
    """Read a CSV file as spreadsheets save it: UTF-8 or UTF-16 or Windows text; with commas, semicolons or tabs."""
    import pandas as pd

    text = _decoded(data)
    head = text.splitlines()[0] if text else ""
    separator = max((",", ";", "\t"), key=head.count)
    return pd.read_csv(io.StringIO(text), sep=separator, dtype=str, keep_default_na=False)


def _decoded(data: bytes) -> str:
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _excel_frame(data: bytes) -> pd.DataFrame:
    import pandas as pd

    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        if sum(part.file_size for part in packed.infolist()) > _MAX_UNPACKED_BYTES:
            raise ValueError("unpacks to more than a spreadsheet of decisions has")
    sheet = pd.read_excel(io.BytesIO(data), sheet_name=0, dtype=str, keep_default_na=False, engine="openpyxl")
    return sheet.fillna("")
