"""Take the screenshots of the README from the demo: the first screen of the report, and the asset graph.

`python -m stagenorm_pipeline_tests.walk.screenshots DIRECTORY`; `make screenshots` runs it.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from stagenorm_pipeline_tests.support.chromium import browser_page, find_chromium
from stagenorm_pipeline_tests.support.served_ui import ServedUi, served_ui
from stagenorm_pipeline_tests.support.ui_visitor import Visitor
from stagenorm_pipeline_tests.support.waiting import wait_until

if TYPE_CHECKING:
    from playwright.sync_api import FloatRect, ViewportSize

_REPORT: "ViewportSize" = {"width": 1_040, "height": 590}
# Wide enough for Dagster to write the status into each node.
_WINDOW: "ViewportSize" = {"width": 2_000, "height": 520}
# Without Dagster's menus.
_GRAPH: "FloatRect" = {"x": 541, "y": 110, "width": 1_400, "height": 340}


def main(directory: Path) -> None:
    """Run the demo in a new home, serve it, and take both pictures."""
    chromium = find_chromium()
    if chromium is None:
        sys.exit("No Chromium is on the PATH. Install one (Debian: `apt-get install chromium`) and run it again.")
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="demo-") as name:
        home = Path(name).resolve()
        _stagenorm("demo", home=home)
        with served_ui(home) as ui:
            _take_pictures(chromium, ui, home, directory)


def _take_pictures(chromium: str, ui: ServedUi, home: Path, directory: Path) -> None:
    with browser_page(chromium) as page:
        report = home / "report.html"
        _stagenorm("report", "1", "--output", str(report), home=home, DATABASE_URL=ui.database_url)
        page.set_viewport_size(_REPORT)
        page.goto(report.as_uri())
        page.screenshot(path=directory / "report.png")
        page.set_viewport_size(_WINDOW)
        visitor = Visitor(page, ui.url, directory)
        visitor.arrive()
        visitor.open_graph()
        wait_until(lambda: page.get_by_text("Loading").count() == 0, "the state of every node", seconds=120, poll_s=0.5)
        # The graph moves into place.
        page.wait_for_timeout(2_000)
        page.screenshot(path=directory / "asset-graph.png", clip=_GRAPH)


def _stagenorm(*words: str, home: Path, **environment: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "stagenorm_pipeline", *words],
        env={**os.environ, "STAGENORM_HOME": str(home), **environment},
        stdout=subprocess.DEVNULL,
        check=True,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
