"""Draw progress on a terminal while something takes long: a bar, a line with the elapsed time, or the status.

Drawn on standard error, so that a script can read standard output; nothing is drawn unless it is a terminal. A display
appears after one second, and `rich` is imported only then.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Event as Flag
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType

    from stagenorm_pipeline.engine.apply.events import Event
    from stagenorm_pipeline.engine.apply.progress import Progress
    from stagenorm_pipeline.report.terminal_layout import Screen

_DELAY_S = 1.0
_REFRESH_S = 0.25
_BAR_WIDTH = 16
# With the plan, the question and the summary they stay on one screen.
_LINES_BESIDE_BAR = 2


@contextmanager
def showing_batches(*, brief: bool = False) -> Iterator[Callable[[Event], None]]:
    """Yield a listener for an apply: it draws a bar on a terminal, and writes the runbook's log lines elsewhere.

    With `brief`, and beside the bar, batches without a failure have no line.
    """
    from stagenorm_pipeline.cli.global_options import is_quiet
    from stagenorm_pipeline.cli.log_lines import say
    from stagenorm_pipeline.cli.screen import is_screen

    listener = _Listener(brief=brief)
    is_drawn = is_screen(sys.stderr) and not is_quiet()
    with _drawing(lambda: _bar(listener.meter.at(time.monotonic())), is_drawn=is_drawn):
        yield listener.hear
    if listener.left_out:
        say(f"{listener.left_out:,} more such lines are not shown here. What failed: stagenorm status", "WARN")


class _Listener:
    """Measures the progress, and writes the lines of events. Beside the bar these are the first few failures only."""

    def __init__(self, *, brief: bool) -> None:
        from stagenorm_pipeline.cli.screen import has_live_display
        from stagenorm_pipeline.engine.apply.progress import ProgressMeter

        self.meter = ProgressMeter()
        self.left_out = 0
        self._lines = 0
        self._is_beside_bar = has_live_display()
        self._is_brief = brief or self._is_beside_bar

    def hear(self, event: Event) -> None:
        from stagenorm_pipeline.cli.log_lines import say_event

        self.meter.hear(event, time.monotonic())
        if (self._is_brief and _is_routine(event)) or (self._is_beside_bar and _is_in_bar(event)):
            return
        self._lines += 1
        if self._is_beside_bar and self._lines > _LINES_BESIDE_BAR:
            self.left_out += 1
        else:
            # Beside the bar the fields would only fill the screen.
            say_event(event, with_fields=not self._is_beside_bar)


@contextmanager
def showing_reading(what: str) -> Iterator[None]:
    """Show what is being read and for how long, when the amount is unknown."""
    from stagenorm_pipeline.cli.global_options import is_quiet
    from stagenorm_pipeline.cli.screen import is_screen
    from stagenorm_pipeline.engine.apply.progress import time_span
    from stagenorm_pipeline.report.escape import sentence_for_terminal

    shown, began = sentence_for_terminal(what), time.monotonic()
    is_drawn = is_screen(sys.stderr) and not is_quiet()
    with _drawing(lambda: _line(f"{shown} … {time_span(time.monotonic() - began)}"), is_drawn=is_drawn):
        yield


@contextmanager
def redrawing() -> Iterator[Callable[[Callable[[Screen], str]], None]]:
    """Yield a function that draws a text on standard output over the one before. It gives the text the screen."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from stagenorm_pipeline.cli.screen import has_colour, screen

    def draw(text: Callable[[Screen], str]) -> None:
        live.update(Text.from_ansi(text(screen()), no_wrap=True), refresh=True)

    console = Console(no_color=not has_colour(sys.stdout))
    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
        yield draw


def _is_routine(event: Event) -> bool:
    from stagenorm_pipeline.engine.apply.events import BatchCompleted, BatchStarted, Sleeping

    return isinstance(event, BatchStarted | Sleeping) or (
        isinstance(event, BatchCompleted) and not event.result.refusals
    )


def _is_in_bar(event: Event) -> bool:
    """Whether an event needs no line, because the bar shows it or because it does not matter beside the bar."""
    from stagenorm_pipeline.engine.apply.events import (
        GroupSplit,
        Paused,
        Retrying,
        Throttled,
        ThrottleEnded,
        Unwatched,
        WorkFound,
    )

    shown = isinstance(event, Paused | Retrying | Throttled | ThrottleEnded | WorkFound | GroupSplit)
    return shown or (isinstance(event, Unwatched) and not event.is_wrong)


@contextmanager
def _drawing(picture: Callable[[], RenderableType], *, is_drawn: bool) -> Iterator[None]:
    """Draw the picture repeatedly during the work, and clear it at the end."""
    if not is_drawn:
        yield
        return
    from stagenorm_pipeline.cli.screen import has_colour

    is_over = Flag()
    # Asked here: the options of the command are known in this thread only.
    thread = Thread(target=_draw, args=(picture, is_over), kwargs={"has_colour": has_colour(sys.stderr)}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def _draw(picture: Callable[[], RenderableType], is_over: Flag, *, has_colour: bool) -> None:
    if is_over.wait(_DELAY_S):
        return
    from rich.console import Console
    from rich.live import Live

    # Lines written during the work go above the picture, if they are for the same screen.
    with Live(
        console=Console(stderr=True, no_color=not has_colour),
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
    """Draw the bar with the progress beside it and, below it, why no batch runs now."""
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

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
    row.add_row(bar, _line(replace(progress, waiting_for=None).sentence))
    if progress.waiting_for is None:
        return row
    waiting_for = sentence_for_terminal(progress.waiting_for)
    return Group(row, Text(waiting_for[:1].upper() + waiting_for[1:], style="yellow"))


def _line(words: str) -> RenderableType:
    from rich.text import Text

    return Text(words, no_wrap=True, overflow="ellipsis")
