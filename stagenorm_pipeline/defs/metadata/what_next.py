"""What to do next, as every page and every run shows it: a text and the page where to do it."""

import logging
from collections.abc import Mapping
from typing import Final, NamedTuple

import dagster as dg

JOBS_PAGE: Final = "/jobs"


class WhatNext(NamedTuple):
    """What to do next, and where: the asset, or the path of another page. The text must be safe for a terminal."""

    text: str
    page: dg.AssetKey | str

    def metadata(self) -> Mapping[str, dg.MetadataValue]:
        """Return the entries. Text and a link, because the page of a run hides Markdown behind a click."""
        link: dg.MetadataValue
        if isinstance(self.page, dg.AssetKey):
            # Its link shows its name. Its address is one long word, which would widen the column.
            link = dg.MetadataValue.asset(self.page)
        else:
            link = dg.MetadataValue.url(self.page)
        return {"what next": dg.MetadataValue.text(self.text), "open": link}

    def log(self, log: logging.Logger) -> None:
        """Log it, as the last line of a run."""
        log.info(f"Next: {self.text}")
