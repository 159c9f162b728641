"""Decide 97 real spellings on the page, in a spreadsheet and in the terminal, and go on until the column is enforced.

A person's pace is simulated: one action a second. An action is a click, a scroll, a key, or a text that is typed and
confirmed. The walk prints the actions and the seconds of each way.
"""

import csv
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final

import openpyxl
import pytest

from stagenorm_pipeline.vocabulary import KEPT, load_decisions
from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.chromium import browser_page
from stagenorm_pipeline_tests.support.command_line import Running, on_terminal, stagenorm_here
from stagenorm_pipeline_tests.support.waiting import wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Locator

pytestmark = pytest.mark.walk

_SPELLINGS: Final = Path(__file__).parents[1] / "vocabulary" / "real_stage_spellings.csv"
_PACE_S: Final = 1.0
_FEW_ACTIONS: Final = 40
_NO_ROUND, _LATER = "no round of equity", "later than series C"
# What a reviewer knows that no proposal says: by the first spelling of each cluster, in the order of their rows.
_KNOWN: Final = {
    "Pre-series A": "seed",
    "Seed/ Angel Funding": "seed",
    "Series D": _LATER,
    "Angel": "pre-seed",
    "Pre-series B": "series-a",
    "Series B2": "series-b",
    "Early seed": "seed",
    "Series A+": "series-a",
    "Post series A": "series-a",
    # The only proposal that is not sure.
    "Seies A": "series-a",
}
_STAGES: Final = ("pre-seed", "seed", "series-a", "series-b", "series-c", "series-c+")


@dataclass(kw_only=True)
class Person:
    """Acts once a second, and counts."""

    way: str
    actions: int = 0
    started: float = field(default_factory=time.monotonic)

    def act(self, *, times: int = 1) -> None:
        self.actions += times
        time.sleep(_PACE_S * times)

    def seconds(self) -> float:
        return time.monotonic() - self.started


@pytest.fixture
def real(application: Application) -> Application:
    """The 4,763 real rows, in 13 funds."""
    with _SPELLINGS.open(encoding="utf-8", newline="") as file:
        stages = [row["spelling"] for row in csv.DictReader(file) for _ in range(int(row["rows"]))]
    assert len(stages) == 4_763
    application.add(COMPANIES, [(number % 13, stage) for number, stage in enumerate(stages)])
    return application


def _here(application: Application, directory: Path, *arguments: str) -> str:
    ran = stagenorm_here(*arguments, url=application.url, directory=directory)
    assert ran.code == 0, ran.all
    return ran.out


def _enforce(application: Application, directory: Path, person: Person) -> None:
    """Check the decisions, count what deciding took, and go on until PostgreSQL refuses other stages."""
    decided = load_decisions(directory / "stage_decisions.yaml").decided
    assert len(decided) == 97
    assert decided["Series E"].reason == _LATER
    assert decided["Angel"].stage == "pre-seed"
    actions, seconds = person.actions, person.seconds()
    assert actions < _FEW_ACTIONS
    for arguments in (
        ("run", "--yes"),
        ("verify", "--output", "report.json"),
        ("sign-off", "1", "--report", "report.json", "--accept-warnings", "kept by decision"),
        ("enforce", "--yes"),
    ):
        person.act()
        _here(application, directory, *arguments)
    kept = {spelling for spelling, decision in decided.items() if decision.is_kept}
    assert set(application.stages(COMPANIES).values()) <= {*_STAGES, *kept}
    print(  # noqa: T201
        f"\n{person.way}: 97 spellings decided with {actions} actions in {seconds:.0f} s; run, verified, signed and "
        f"enforced with {person.actions} actions in {person.seconds():.0f} s"
    )


def _ended(asking: Running) -> bool:
    return "Next: stagenorm dry-run" in asking.text


def _is_at(asking: Running, question: int) -> bool:
    return _ended(asking) or asking.text.count("  stage") >= question


def _questions(asking: Running) -> Iterator[str]:
    """Yield the first spelling of each cluster that the command asks about, until it ends."""
    for asked in count(1):
        wait_until(partial(_is_at, asking, asked), "the next question")
        if _ended(asking):
            return
        yield re.findall(r'(?m)^ +1 "(.*?)" +[\d,]+\r?$', asking.text)[-1]


def test_page_decides_real_spellings_with_few_actions(chromium: str, real: Application, tmp_path: Path) -> None:
    person = Person(way="page")
    person.act()
    _here(real, tmp_path, "decisions", "--html", "review.html")
    with browser_page(chromium) as page:
        person.act()
        page.goto((tmp_path / "review.html").as_uri())

        def at(place: "Locator") -> "Locator":
            """Act on an element; scroll first if it is out of sight."""
            box, window = place.bounding_box(), page.viewport_size
            assert box is not None and window is not None  # noqa: PT018 - for the type checker
            person.act(times=1 if 0 <= box["y"] <= window["height"] - box["height"] else 2)
            return place

        at(page.locator("#name")).fill("Ana")
        at(page.locator("#accept-sure")).click()
        for label, choice in _KNOWN.items():
            card = page.locator(".card").filter(has=page.get_by_role("heading", name=f'"{label}"'))
            if choice in _STAGES:
                at(card.locator(".stages button").nth(_STAGES.index(choice))).click()
            else:
                at(card.locator(".keep input")).fill(choice)
                page.keyboard.press("Enter")
        at(page.locator("#keep-rest input")).fill(_NO_ROUND)
        page.keyboard.press("Enter")
        assert "(100%)" in page.inner_text("#counter")
        with page.expect_download() as download:
            at(page.locator("#export")).click()
        download.value.save_as(tmp_path / "patch.json")
    person.act()
    _here(real, tmp_path, "decisions", "--import", "patch.json")
    _enforce(real, tmp_path, person)


def test_spreadsheet_decides_real_spellings_with_few_actions(real: Application, tmp_path: Path) -> None:
    person = Person(way="spreadsheet")
    person.act()
    _here(real, tmp_path, "decisions", "--xlsx", "ask.xlsx")
    person.act()
    book = openpyxl.load_workbook(tmp_path / "ask.xlsx")
    sheet = book["decisions"]
    column = {str(cell.value): place for place, cell in enumerate(sheet[1])}
    rows = list(sheet.iter_rows(min_row=2))
    # Filter by confidence, then copy the column of proposals into the one beside it.
    person.act(times=3)
    for row in rows:
        if row[column["confidence"]].value == "sure":
            row[column["cluster_stage"]].value = row[column["proposal"]].value
    for label, choice in _KNOWN.items():
        row = next(row for row in rows if row[column["spelling"]].value == f'"{label}"')
        person.act(times=1 if choice in _STAGES else 2)
        row[column["cluster_stage"]].value = choice if choice in _STAGES else KEPT
        row[column["reason"]].value = "" if choice in _STAGES else choice
    # Filter what is empty, then fill both columns down.
    person.act(times=5)
    done = {row[column["cluster"]].value for row in rows if row[column["cluster_stage"]].value}
    for row in rows:
        if row[column["cluster"]].value not in done:
            row[column["cluster_stage"]].value, row[column["reason"]].value = KEPT, _NO_ROUND
    person.act()
    book.save(tmp_path / "ask.xlsx")
    person.act()
    _here(real, tmp_path, "decisions", "--import", "ask.xlsx", "--by", "Ana")
    _enforce(real, tmp_path, person)


def test_terminal_decides_real_spellings_with_few_actions(
    real: Application, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    person = Person(way="terminal")
    person.act()
    waiting = list(_KNOWN)
    with on_terminal("decisions", "--ask", "--by", "Ana", url=real.url) as asking:
        for question, label in enumerate(_questions(asking)):
            person.act()
            if question == 0:
                asking.press("a\n")
            elif label in waiting:
                waiting.remove(label)
                known = _KNOWN[label]
                asking.press(f"{_STAGES.index(known) + 1}\n" if known in _STAGES else f"k {known}\n")
            else:
                # What is skipped is kept at the end, with all that has no proposal.
                asking.press("\n" if waiting[:-1] else f"r {_NO_ROUND}\n")
        assert asking.end() == 0
    _enforce(real, tmp_path, person)
