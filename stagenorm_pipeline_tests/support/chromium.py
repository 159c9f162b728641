"""Start the Chromium of this machine, headless. playwright downloads none here."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_QUIET = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_WINDOW = (1_440, 900)


def find_chromium() -> str | None:
    return next((path for path in map(shutil.which, _NAMES) if path), None)


@contextmanager
def browser_page(chromium: str) -> Iterator["Page"]:
    """Open an empty page in a browser without history or cookies."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Its sandbox refuses root, which a container's user often is; it opens nothing but our own page.
        browser = playwright.chromium.launch(executable_path=chromium, args=list(_QUIET), chromium_sandbox=False)
        yield browser.new_page(viewport={"width": _WINDOW[0], "height": _WINDOW[1]})
        browser.close()
