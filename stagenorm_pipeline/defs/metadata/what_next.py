"""What to do next, as every page and every run shows it: a text and the page where to do it."""

import logging
from collections.abc import Mapping
from typing import Final, NamedTuple

import dagster as dg

JOBS_PAGE: Final = "/jobs"


class WhatNext(NamedTuple):
    """What to do next, and the path of the page where to do it. The text must be safe for a terminal."""

    text: str
    path: str

    def metadata(self) -> Mapping[str, dg.MetadataValue]:
        """Return the entries. Text and a link, because the page of a run hides Markdown behind a click."""
        return {
            "what next": dg.MetadataValue.text(self.text),
            "open": dg.MetadataValue.url(self.path),
        }

    def log(self, log: logging.Logger) -> None:
        """Log it, as the last line of a run."""
        log.info(f"Next: {self.text}")
