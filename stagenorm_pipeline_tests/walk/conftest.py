"""Fixtures of the walk. Without Chromium they fail and say what to install: a skip would look like success."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from stagenorm_pipeline.defs.alerts.webhook import WEBHOOK
from stagenorm_pipeline_tests.support.application import Application
from stagenorm_pipeline_tests.support.chromium import browser_page, find_chromium
from stagenorm_pipeline_tests.support.served_ui import ServedUi, served_ui
from stagenorm_pipeline_tests.support.ui_visitor import Visitor
from stagenorm_pipeline_tests.support.webhook import Webhook, open_webhook


@pytest.fixture(scope="session")
def chromium() -> str:
    found = find_chromium()
    if found is None:
        pytest.fail(
            "No Chromium is on the PATH. Install one (Debian: `apt-get install chromium`) and run `make walk` again.",
            pytrace=False,
        )
    return found


@pytest.fixture
def pictures() -> Iterator[Path]:
    """The directory of the screenshots: STAGENORM_WALK_SCREENSHOTS, or a new one that is printed at the end."""
    named = os.environ.get("STAGENORM_WALK_SCREENSHOTS")
    directory = Path(named or tempfile.mkdtemp(prefix="stagenorm-walk-screenshots-"))
    directory.mkdir(parents=True, exist_ok=True)
    yield directory
    print(f"\nThe screenshots of the walk are in {directory}")  # noqa: T201


@pytest.fixture
def home(chromium: str) -> Iterator[Path]:
    """An empty STAGENORM_HOME. Its path is short because a Unix socket lies in it."""
    with tempfile.TemporaryDirectory(prefix="stagenorm-walk-", ignore_cleanup_errors=True) as directory:
        yield Path(directory).resolve()


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with open_webhook() as opened:
        yield opened


@pytest.fixture
def ui(home: Path, webhook: Webhook) -> Iterator[ServedUi]:
    with served_ui(home, environment={WEBHOOK: webhook.url}) as served:
        yield served


@pytest.fixture
def demo(ui: ServedUi) -> Iterator[Application]:
    """The demo's database, read directly."""
    opened = Application(ui.database_url)
    yield opened
    opened.close()


@pytest.fixture
def visitor(chromium: str, ui: ServedUi, pictures: Path) -> Iterator[Visitor]:
    with browser_page(chromium) as page:
        started = Visitor(page, ui.url, pictures)
        yield started
        # After a failure this shows the page.
        started.take_picture("last-seen")
