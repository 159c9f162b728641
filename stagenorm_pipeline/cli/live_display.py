"""What is drawn on a person's terminal while something takes long: a bar, a line with the time gone by, a status.

Drawn on standard error, so that standard output stays what a script reads; nothing is drawn where nobody looks. Each
picture waits a second before it appears, and what draws it is imported only then. Log lines do not belong here (see
`terminal`).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event as Flag
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType

    from stagenorm_pipeline.engine.apply.events import Event
    from stagenorm_pipeline.engine.apply.progress import Progress

_PATIENCE_S = 1.0
_BETWEEN_PICTURES_S = 0.25
_BAR_WIDTH = 24


@contextmanager
def showing_batches(*, brief: bool = False) -> Iterator[Callable[[Event], None]]:
    """A listener for an apply: a bar on a screen, the runbook's log lines elsewhere.

    With `brief`, and where lines and bar would be on one screen, the lines are only those of trouble.
    """
    from stagenorm_pipeline.cli.log_lines import is_screen, say_event
    from stagenorm_pipeline.engine.apply.progress import ProgressMeter

    meter = ProgressMeter()
    is_drawn = is_screen(sys.stderr)
    is_brief = brief or (is_drawn and sys.stdout.isatty())

    def listen(event: Event) -> None:
        meter.hear(event, time.monotonic())
        if not (is_brief and _is_ordinary(event)):
            say_event(event)

    with _drawing(lambda: _bar(meter.at(time.monotonic())), is_drawn=is_drawn):
        yield listen


@contextmanager
def showing_reading(what: str) -> Iterator[None]:
    """While something is read of which nobody knows how much there is: what it is, and for how long."""
    from stagenorm_pipeline.cli.log_lines import is_screen
    from stagenorm_pipeline.engine.apply.progress import time_span
    from stagenorm_pipeline.report.escape import sentence_for_terminal

    shown, began = sentence_for_terminal(what), time.monotonic()
    with _drawing(lambda: _line(f"{shown} … {time_span(time.monotonic() - began)}"), is_drawn=is_screen(sys.stderr)):
        yield


@contextmanager
def redrawing() -> Iterator[Callable[[Callable[[int], str]], None]]:
    """A function that draws a text on standard output over the one before.

    The text is asked for with the number of funds to list, as many as the screen has room for.
    """
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    console = Console()

    def draw(text: Callable[[int], str]) -> None:
        others = len(console.render_lines(Text(text(0)), pad=False))
        live.update(Text(text(max(console.height - others - 2, 3))), refresh=True)

    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
        yield draw


def _is_ordinary(event: Event) -> bool:
    from stagenorm_pipeline.engine.apply.events import BatchCompleted, BatchStarted, Sleeping

    return isinstance(event, BatchStarted | Sleeping) or (
        isinstance(event, BatchCompleted) and not event.result.refusals
    )


@contextmanager
def _drawing(picture: Callable[[], RenderableType], *, is_drawn: bool) -> Iterator[None]:
    """Draw the picture again and again beside the work, and take it away at the end."""
    if not is_drawn:
        yield
        return
    is_over = Flag()
    artist = Thread(target=_draw, args=(picture, is_over), daemon=True)
    artist.start()
    try:
        yield
    finally:
        is_over.set()
        artist.join()


def _draw(picture: Callable[[], RenderableType], is_over: Flag) -> None:
    if is_over.wait(_PATIENCE_S):
        return
    from rich.console import Console
    from rich.live import Live

    # Lines that are said meanwhile go above the picture, as far as they are for the same screen.
    with Live(
        console=Console(stderr=True),
        auto_refresh=False,
        transient=True,
        redirect_stdout=sys.stdout.isatty(),
        redirect_stderr=True,
    ) as live:
        while True:
            live.update(picture(), refresh=True)
            if is_over.wait(_BETWEEN_PICTURES_S):
                return


def _bar(progress: Progress) -> RenderableType:
    from rich.progress_bar import ProgressBar
    from rich.table import Table

    from stagenorm_pipeline.report.escape import sentence_for_terminal

    row = Table.grid(padding=(0, 1))
    row.add_column(width=_BAR_WIDTH)
    row.add_column(no_wrap=True, overflow="ellipsis")
    total = progress.rows_total
    bar = ProgressBar(
        total=total,
        completed=progress.rows_done,
        pulse=total is None,
        width=_BAR_WIDTH,
        # Not rich's own red, which reads as a failure.
        complete_style="green",
        finished_style="green",
    )
    row.add_row(bar, _line(sentence_for_terminal(progress.sentence)))
    return row


def _line(words: str) -> RenderableType:
    from rich.text import Text

    return Text(words, no_wrap=True, overflow="ellipsis")
