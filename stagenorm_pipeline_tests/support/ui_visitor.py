"""Drive Dagster's pages in a browser: click, read, type, and take a screenshot of each step.

The selectors of Dagster's pages are here only.
"""

import itertools
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

# The machine may be busy: a bound so that a failure ends, not a measurement.
_PATIENCE_MS = 240_000
# The daemon looks for backfills every 30 s, and starts a run in some 5.
A_RUN_MS = 600_000
# Width and height. The last one is that of the walk.
WINDOWS = ((1_280, 800), (1_440, 900))


# The icons of the badges.
_VERDICTS = {"check_circle": "passed", "warning_outline": "warned", "cancel": "failed"}
_NO_VERDICT = "dot"


class Visitor:
    """A user of the pages at `url`. Screenshots are numbered in the order of the walk."""

    def __init__(self, page: "Page", url: str, pictures: Path) -> None:
        self._page = page
        self._url = url
        self._pictures = pictures
        self._numbers = itertools.count(1)
        self._followed: list[str] = []
        page.set_default_timeout(_PATIENCE_MS)

    def arrive(self, url: str = "") -> None:
        """Open the first page, of this UI or of another one."""
        self._url = url or self._url
        self._page.goto(self._url)
        self._words("Lineage").wait_for()

    def take_picture(self, name: str) -> None:
        """As it looks on a small and on a usual screen."""
        number = next(self._numbers)
        for width, height in WINDOWS:
            self._page.set_viewport_size({"width": width, "height": height})
            # The page lays itself out anew.
            self._page.wait_for_timeout(300)
            self._page.screenshot(path=self._pictures / f"{number:02}-{name}-{width}.png")

    def sees(self, words: str | re.Pattern[str], *, patience_ms: float = _PATIENCE_MS) -> str:
        """Wait until the words can be read; the text around them."""
        found = self._page.get_by_text(words).filter(visible=True).first
        found.wait_for(timeout=patience_ms)
        return str(found.inner_text())

    def open_graph(self) -> None:
        self._words("Lineage").click()
        self._page.get_by_text("Materialize all").filter(visible=True).first.wait_for()

    def open_asset(self, name: str) -> None:
        """By the graph's list and the side panel."""
        self.open_graph()
        self._words(name).click()
        self._words("View in Asset Catalog").click()
        self._words("Definition").wait_for()

    def open_tab(self, name: str) -> None:
        self._page.get_by_role("tab", name=name, exact=True).click()

    def open_job(self, name: str) -> None:
        self._words("Jobs").click()
        self._words(name).click()
        self._page.get_by_role("tab", name="Launchpad").wait_for()

    def open_runs(self) -> None:
        self._words("Runs").click()
        self._page.get_by_text("Created at", exact=True).first.wait_for()

    def switch_on(self, sensor: str) -> None:
        """On the page of a sensor or schedule."""
        self._words("Automation").click()
        self._page.locator("a", has_text=sensor).filter(visible=True).first.click()
        switch = self._page.locator("input[type=checkbox]").first
        switch.wait_for(state="attached")
        self._page.locator("label", has=switch).first.click()
        self._page.wait_for_function("document.querySelector('input[type=checkbox]').checked")

    @property
    def entries(self) -> dict[str, str]:
        """The metadata on an asset's page: each entry's name and value. Empty if it was never materialized."""
        # In one step: the page may be drawn anew between two.
        rows = self._page.evaluate(
            "[...document.querySelectorAll('table tr')].map(row => [...row.cells].map(cell => cell.innerText))"
        )
        # Name, time, value.
        return {row[0].strip(): " ".join(row[2].split()) for row in rows if len(row) == 3 and row[0] != "Key"}

    def shows(self, expected: Mapping[str, str], badges: Mapping[str, int]) -> None:
        """Load the asset's page again until it has these entries and these badges of checks.

        The sensor that brings pages up to date runs every 30 s. Dagster's pages keep badges for up to 30 s, and longer
        on a busy machine, so only a loaded page shows what is stored.
        """
        end = time.monotonic() + _PATIENCE_MS / 1_000
        while (shown := self._reloaded(expected)) != (expected, badges):
            assert time.monotonic() < end, f"the page shows {shown}, and PostgreSQL says {(expected, badges)}"
        assert not self.is_cut

    def _reloaded(self, expected: Mapping[str, str]) -> tuple[dict[str, str | None], dict[str, int]]:
        """Load the page again, and return these entries and the badges as soon as they stay the same."""
        self._page.reload()
        self._words("Definition").wait_for()
        before = None
        while (shown := ({name: self.entries.get(name) for name in expected}, self.badges)) != before:
            before = shown
            self._page.wait_for_timeout(2_000)
        return shown

    @property
    def badges(self) -> dict[str, int]:
        """How many checks have which verdict, on the overview of an asset. Not those that have none yet."""
        found = self._page.evaluate(
            """() => {
                const title = [...document.querySelectorAll("span")].find(e => e.innerText === "Latest check results");
                const icons = title ? [...title.parentElement.querySelectorAll("[role=img]")] : [];
                return icons.map(icon => [icon.ariaLabel, icon.parentElement.innerText]);
            }"""
        )
        return {_VERDICTS[icon]: int(number or 0) for icon, number in found if icon != _NO_VERDICT}

    def can_read(self, words: str) -> bool:
        """Say whether the words can be read now."""
        return bool(self._page.get_by_text(words, exact=True).filter(visible=True).count())

    @property
    def is_cut(self) -> bool:
        """Say whether something is wider than its window, so that its end cannot be read."""
        return bool(
            self._page.evaluate(
                """() => document.documentElement.scrollWidth > window.innerWidth
                    || [...document.querySelectorAll("table")].some(
                        table => table.scrollWidth > table.parentElement.clientWidth + 1)"""
            )
        )

    def click(self, words: str) -> None:
        self._words(words).click()

    def materialize(self) -> None:
        """By the button of an asset without partitions, as far as the run's page, and until the run has ended well."""
        self._button("Materialize").click()
        self._follow("Launched run")
        self.run_ends("Success")

    def open_launchpad(self) -> None:
        self._page.locator("button", has=self._page.get_by_label("arrow_drop_down")).first.click()
        self._words("Open launchpad").click()
        self._page.locator(".CodeMirror-line", has_text="config:").wait_for()

    def set_field(self, name: str, old: str, new: str) -> None:
        """In the launchpad, put another value behind a field that is there with its default."""
        self._page.locator(".CodeMirror-line", has_text=f"{name}: {old}").click()
        self._page.keyboard.press("End")
        for _ in old:
            self._page.keyboard.press("Backspace")
        self._page.keyboard.type(new)
        self._page.locator(".CodeMirror-line", has_text=f"{name}: {new}").wait_for()

    def point_at_field(self, name: str) -> None:
        self._page.locator(".CodeMirror-line", has_text=f"{name}:").get_by_text(name, exact=True).last.hover()

    def launch(self, how: str = "Success") -> float:
        """From the launchpad of an asset or a job to the run's page, until the run has ended. The seconds it took."""
        started = time.monotonic()
        self._button("Materialize").or_(self._button("Launch Run")).last.click()
        self.run_ends(how)
        return time.monotonic() - started

    def run_job(self, name: str, how: str = "Success", **fields: str) -> float:
        """By its launchpad, with these fields instead of their defaults. The seconds from click to done."""
        self.open_job(name)
        self.open_tab("Launchpad")
        self._page.locator(".CodeMirror-line", has_text="config:").wait_for()
        for field, value in fields.items():
            old, new = value.split(" -> ")
            self.set_field(field, old, new)
        return self.launch(how)

    def choose_all_partitions(self) -> None:
        self._button("Materialize…").click()
        self._dialog.get_by_text("All", exact=True).click()

    def launch_backfill(self) -> None:
        """From the dialog to the backfill's page."""
        self._button("Launch backfill").click()
        self._follow("Created backfill")
        self._words("Partition selection").wait_for()

    def open_run_of_backfill(self) -> None:
        """Its first run, as soon as it is there."""
        self.open_tab("Runs")
        run = self._page.locator("a[href^='/runs/']").get_by_text(re.compile(r"^[0-9a-f]{8}$")).first
        run.wait_for(timeout=A_RUN_MS)
        run.click()
        self._page.get_by_placeholder("Filter…").wait_for()

    def read_log(self, words: str, *, patience_ms: float = A_RUN_MS) -> str:
        """Filter the run's log by words; the first line that has them."""
        self._page.get_by_placeholder("Filter…").fill(words)
        return self.sees(words, patience_ms=patience_ms)

    def read_whole_log(self) -> None:
        self._page.get_by_placeholder("Filter…").fill("")
        self.sees("completed {")

    def terminate(self) -> None:
        self._button("Terminate").click()
        self._button("Terminate 1 run").click()

    def run_ends(self, how: str) -> None:
        """Wait for the status beside the run's name."""
        self._words(how).wait_for(timeout=A_RUN_MS)

    def can_press(self, button: str) -> bool:
        found = self._button(button)
        found.wait_for()
        return bool(found.is_enabled())

    def can_open_tab(self, name: str) -> bool:
        return bool(self._page.get_by_role("tab", name=name, exact=True).is_enabled())

    @property
    def checks(self) -> dict[str, str]:
        """On the checks tab, each check by its name, with the word below it, as soon as all have one."""
        title = str(self._page.get_by_text(re.compile(r"^Checks \(\d+\)$")).inner_text())
        verdicts = self._page.get_by_text(re.compile("^(Succeeded|Failed)$")).filter(visible=True)
        verdicts.nth(int(title.removeprefix("Checks (").removesuffix(")")) - 1).wait_for()
        text = str(self._page.locator("body").inner_text())
        return dict(re.findall(r"^(r\d_\w+)\n(?:\1\n)?(Succeeded|Failed)$", text, re.MULTILINE))

    def _follow(self, message: str) -> None:
        """The link of a message in the corner, where those followed before, and others, may still be shown."""
        shown = self._page.get_by_role("listitem").filter(has_text=message, visible=True)
        for run_id in self._followed:
            shown = shown.filter(has_not_text=run_id)
        found = re.search(re.escape(message) + r" (\w{8})", " ".join(str(shown.first.inner_text()).split()))
        assert found, f"no run or backfill is named after {message!r}"
        self._followed.append(found[1])
        shown = self._page.get_by_role("listitem").filter(has_text=f"{message} {found[1]}", visible=True)
        shown.get_by_text("View", exact=True).click()

    @property
    def _dialog(self) -> "Locator":
        return self._page.get_by_role("dialog").or_(self._page.locator(".bp5-dialog")).last

    def _button(self, words: str) -> "Locator":
        return self._page.get_by_role("button", name=words).filter(visible=True).last

    def _words(self, words: str) -> "Locator":
        """What can be seen: Dagster keeps hidden copies of names, to measure them."""
        return self._page.get_by_text(words, exact=True).filter(visible=True).first
