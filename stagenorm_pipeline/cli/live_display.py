"""Draw progress on a terminal while something takes long: a bar, a line with the elapsed time, or the status.

Drawn on standard error, so that a script can read standard output; nothing is drawn unless it is a terminal. A display
appears after one second, and `rich` is imported only then.
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

_DELAY_S = 1.0
_REFRESH_S = 0.25
_BAR_WIDTH = 24


@contextmanager
def showing_batches(*, brief: bool = False) -> Iterator[Callable[[Event], None]]:
    """Yield a listener for an apply: it draws a bar on a terminal, and writes the runbook's log lines elsewhere.

    With `brief`, and if lines and bar share one terminal, only warnings and errors are written.
    """
    from stagenorm_pipeline.cli.log_lines import is_screen, say_event
    from stagenorm_pipeline.engine.apply.progress import ProgressMeter

    meter = ProgressMeter()
    is_drawn = is_screen(sys.stderr)
    is_brief = brief or (is_drawn and sys.stdout.isatty())

    def listen(event: Event) -> None:
        meter.hear(event, time.monotonic())
        if not (is_brief and _is_routine(event)):
            say_event(event)

    with _drawing(lambda: _bar(meter.at(time.monotonic())), is_drawn=is_drawn):
        yield listen


@contextmanager
def showing_reading(what: str) -> Iterator[None]:
    """Show what is being read and for how long, when the amount is unknown."""
    from stagenorm_pipeline.cli.log_lines import is_screen
    from stagenorm_pipeline.engine.apply.progress import time_span
    from stagenorm_pipeline.report.escape import sentence_for_terminal

    shown, began = sentence_for_terminal(what), time.monotonic()
    with _drawing(lambda: _line(f"{shown} … {time_span(time.monotonic() - began)}"), is_drawn=is_screen(sys.stderr)):
        yield


@contextmanager
def redrawing() -> Iterator[Callable[[Callable[[int], str]], None]]:
    """Yield a function that draws a text on standard output over the one before.

    It calls the text with the number of funds that fit on the screen.
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


def _is_routine(event: Event) -> bool:
    from stagenorm_pipeline.engine.apply.events import BatchCompleted, BatchStarted, Sleeping

    return isinstance(event, BatchStarted | Sleeping) or (
        isinstance(event, BatchCompleted) and not event.result.refusals
    )


@contextmanager
def _drawing(picture: Callable[[], RenderableType], *, is_drawn: bool) -> Iterator[None]:
    """Draw the picture repeatedly during the work, and clear it at the end."""
    if not is_drawn:
        yield
        return
    is_over = Flag()
    thread = Thread(target=_draw, args=(picture, is_over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def _draw(picture: Callable[[], RenderableType], is_over: Flag) -> None:
    if is_over.wait(_DELAY_S):
        return
    from rich.console import Console
    from rich.live import Live

    # Lines written during the work go above the picture, if they are for the same screen.
    with Live(
        console=Console(stderr=True),
        auto_refresh=False,
        transient=True,
        redirect_stdout=sys.stdout.isatty(),
        redirect_stderr=True,
    ) as live:
        while True:
            live.update(picture(), refresh=True)
            if is_over.wait(_REFRESH_S):
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
        # rich's default is red, which reads as a failure.
        complete_style="green",
        finished_style="green",
    )
    row.add_row(bar, _line(sentence_for_terminal(progress.sentence)))
    return row


def _line(words: str) -> RenderableType:
    from rich.text import Text

    return Text(words, no_wrap=True, overflow="ellipsis")
