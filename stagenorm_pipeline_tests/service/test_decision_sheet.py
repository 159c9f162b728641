"""Test the spreadsheet: hostile spellings stay text, and decisions come back by hash."""

import csv
import io
from datetime import date
from pathlib import Path

import openpyxl
import pytest

from stagenorm_pipeline.service.decision_sheet import COLUMNS, ReviewedFile, SheetForm, read_sheet, write_sheet
from stagenorm_pipeline.vocabulary import (
    Decisions,
    DecisionsError,
    Keep,
    Stage,
    Undecided,
    clusters_of,
    spelling_sha256,
)

DAY = date(2026, 1, 19)
HOSTILE = (
    "=cmd|'/c calc'!A1",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "＝1+1",
    '"; =HYPERLINK("http://x")',
    "a,b;c\td\ne",
    "\x01\x1b[2J\u202e\u200b",
    "1e5",
    "2026-01-19",
    "NULL",
    " Seed Round ",
    "<script>alert(1)</script>",
    "=" * 1_000,
)
QUESTIONS = (
    *(Undecided(spelling=text, rows=3, funds=2, where=text) for text in HOSTILE),
    Undecided(spelling="Seed Round", rows=9),
    Undecided(spelling="Seed Funding", rows=8),
    Undecided(spelling="Debt", rows=7),
    Undecided(spelling="Debt Funding", rows=6),
)
CLUSTERS = clusters_of(QUESTIONS, Decisions())
BY_HASH = {spelling_sha256(item.spelling): item.spelling for item in QUESTIONS}
FORMS = pytest.mark.parametrize("form", SheetForm)

Cells = dict[str, str]


def load(path: Path, form: SheetForm) -> list[Cells]:
    """The rows as a spreadsheet program has them."""
    if form is SheetForm.CSV:
        return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))
    head, *rows = openpyxl.load_workbook(path).active.iter_rows(values_only=True)  # type: ignore[union-attr]
    return [
        {str(name): "" if cell is None else str(cell) for name, cell in zip(head, row, strict=True)} for row in rows
    ]


def save(path: Path, form: SheetForm, rows: list[Cells]) -> None:
    if form is SheetForm.CSV:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        return
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(list(rows[0]))
    for row in rows:
        sheet.append([cell or None for cell in row.values()])
    book.save(path)


def written(path: Path, form: SheetForm) -> list[Cells]:
    write_sheet(path, CLUSTERS, form)
    return load(path, form)


def read(path: Path, form: SheetForm) -> ReviewedFile:
    return read_sheet(path, form, BY_HASH, by="Ana", on=DAY)


def chosen(path: Path, form: SheetForm) -> dict[str, object]:
    return {entry.spelling: entry.choice for entry in read(path, form).patch.entries}


@FORMS
def test_no_cell_of_a_hostile_spelling_is_a_formula_or_has_control_characters(tmp_path: Path, form: SheetForm) -> None:
    path = tmp_path / f"ask{form}"
    rows = written(path, form)
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == len(QUESTIONS)
    for cell in (cell for row in rows for cell in row.values()):
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "＝"))
        assert cell.isprintable()
    if form is SheetForm.EXCEL:
        sheet = openpyxl.load_workbook(path).active
        assert sheet is not None
        assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"s", "inlineStr", "n"}


@FORMS
def test_decisions_come_back_by_hash_whatever_happened_to_the_texts(tmp_path: Path, form: SheetForm) -> None:
    path = tmp_path / f"ask{form}"
    rows = written(path, form)
    assert chosen(path, form) == {}
    for row in rows:
        row["spelling"] = "changed by a program"
        row["cluster_stage"] = {"9": "seed", "7": "leave-as-is"}.get(row["rows"], "")
        row["reason"] = "a loan" if row["rows"] == "7" else ""
        row["stage"] = "Series A" if row["rows"] == "8" else ""
    hostile = next(row for row in rows if row["spelling_id"].endswith(spelling_sha256(HOSTILE[0])))
    hostile |= {"stage": "KEEP", "reason": "'=1", "decided_by": "Ben"}
    save(path, form, list(reversed(rows)))
    assert chosen(path, form) == {
        "Seed Round": Stage.SEED,
        " Seed Round ": Stage.SEED,
        "Seed Funding": Stage.SERIES_A,
        "Debt": Keep(reason="a loan"),
        "Debt Funding": Keep(reason="a loan"),
        HOSTILE[0]: Keep(reason="=1"),
    }
    assert {entry.decided_by for entry in read(path, form).patch.entries} == {"Ana", "Ben"}


@pytest.mark.parametrize(
    ("encoding", "separator"), [("utf-8", ";"), ("utf-16", "\t"), ("cp1252", ";"), ("utf-8-sig", ",")]
)
def test_csv_file_is_read_as_spreadsheets_save_it(tmp_path: Path, encoding: str, separator: str) -> None:
    path = tmp_path / "ask.csv"
    (row,) = [row for row in written(path, SheetForm.CSV) if row["rows"] == "7"]
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator)
    writer.writerows([["Spelling_ID", "stage", "reason"], [row["spelling_id"], "keep", "Überbrückung"]])
    path.write_bytes(text.getvalue().encode(encoding))
    assert chosen(path, SheetForm.CSV) == {"Debt": Keep(reason="Überbrückung")}


def test_byte_order_mark_is_no_part_of_a_column_name(tmp_path: Path) -> None:
    path = tmp_path / "ask.xlsx"
    rows = [{"\ufeffcluster": row.pop("cluster"), **row} for row in written(path, SheetForm.EXCEL)]
    next(row for row in rows if row["rows"] == "7")["cluster_stage"] = "seed"
    save(path, SheetForm.EXCEL, rows)
    assert set(chosen(path, SheetForm.EXCEL)) == {"Debt", "Debt Funding"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"stage": "series-d"}, r'ask\.csv row 2: stage: "series-d" is no stage'),
        ({"stage": "keep"}, r"ask\.csv row 2: stage: leave-as-is needs a reason"),
        ({"stage": "seed", "spelling_id": "93f3"}, r"ask\.csv row 2: spelling_id is missing or changed"),
        ({"cluster_stage": "seed", "cluster": ""}, r"ask\.csv row 2: cluster_stage needs a cluster"),
        ({"cluster_stage": "seed", "cluster": "2"}, r"ask\.csv row \d+: cluster_stage differs from that in .* row 2"),
    ],
)
def test_decision_that_cannot_be_used_is_named_with_its_row(tmp_path: Path, changes: Cells, said: str) -> None:
    path = tmp_path / "ask.csv"
    rows = written(path, SheetForm.CSV)
    rows[0] |= changes
    next(row for row in reversed(rows) if row["cluster"] == "2")["cluster_stage"] = "series-a"
    save(path, SheetForm.CSV, rows)
    with pytest.raises(DecisionsError, match=said):
        read(path, SheetForm.CSV)


def test_spelling_that_is_gone_is_left_out_and_named(tmp_path: Path) -> None:
    path = tmp_path / "ask.csv"
    rows = written(path, SheetForm.CSV)
    rows[0] |= {"stage": "seed", "spelling_id": "sha256:" + "0" * 64}
    save(path, SheetForm.CSV, rows)
    assert read(path, SheetForm.CSV).unknown == (f"{path} row 2",)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04nothing", b"\x00" * 100, b"a,b\n1\n", b'"stage\n'])
@FORMS
def test_file_that_is_no_spreadsheet_is_refused(tmp_path: Path, data: bytes, form: SheetForm) -> None:
    path = tmp_path / f"ask{form}"
    path.write_bytes(data)
    with pytest.raises(DecisionsError, match=r"cannot be read as|has no column"):
        read(path, form)
