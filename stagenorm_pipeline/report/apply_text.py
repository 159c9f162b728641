"""Write how an apply ended, for a terminal: the sentence, the counts, the first failures, and the next command."""

from collections.abc import Iterator

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.engine.apply.progress import time_span
from stagenorm_pipeline.engine.apply.runner import ApplyResult
from stagenorm_pipeline.engine.monitor.status import Status
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.report.escape import for_terminal
from stagenorm_pipeline.report.failure_lines import failure_lines
from stagenorm_pipeline.report.status_text import next_command
from stagenorm_pipeline.report.terminal_layout import PLAIN, Colour, Screen, next_line, text_of, wrapped
from stagenorm_pipeline.report.vacuum_text import vacuum_lines
from stagenorm_pipeline.report.wording import scope_name

_FAILED_BATCHES = 1


def applied_text(sentence: str, result: ApplyResult, status: Status, *, seconds: float, screen: Screen = PLAIN) -> str:
    """Write the summary of an apply. `sentence`: how it ended. `status`: read after its end, with what to vacuum."""
    return text_of(_lines(sentence, result, status, seconds, screen))


def _lines(sentence: str, result: ApplyResult, status: Status, seconds: float, screen: Screen) -> Iterator[str]:
    colour = Colour.GREEN if result.ok else Colour.RED if result.failed or result.vanished else Colour.YELLOW
    yield from (screen.coloured(line, colour) for line in wrapped(sentence, screen))
    rows = result.rows
    # A run that was stopped knows only the batches that it tried: "7 of 7" would look like the whole plan.
    of_tried = f"{result.completed:,} of " if result.completed < result.batches else ""
    batches = f"{of_tried}{counted(result.batches, 'batch')} in {time_span(seconds)}"
    yield from wrapped(
        f"{batches}: {counted(rows.rows_updated, 'row')} changed, {rows.rows_skipped:,} skipped, "
        f"{rows.rows_failed:,} refused",
        screen,
        indent=2,
    )
    if rows.rows_skipped:
        skipped = "Skipped rows were changed or deleted by another session after the plan was made."
        yield from wrapped(skipped, screen, indent=2)
    if result.failed:
        yield from failure_lines(status, _FAILED_BATCHES, screen)
    yield from vacuum_lines(status.vacuum, screen)
    yield from next_line(next_command(status), screen)


def nothing_to_do(status: Status, scope: FundScope) -> str:
    """Say that no batch of a scope is waiting, and whether others are."""
    progress = status.progress
    left = sum(progress[f"{kind}_batches"] for kind in ("pending", "running", "failed"))
    if not left:
        return "Nothing to do: no open plan has a waiting batch."
    waits = "waits" if left == 1 else "wait"
    if scope.all_funds:
        return f"Nothing to do here: {counted(left, 'batch')} of open plans {waits} in other tables: stagenorm resume"
    fund = for_terminal(scope_name(scope))
    return (
        f"Nothing to do for {fund}: none of its batches waits. {counted(left, 'other batch')} {waits}: stagenorm resume"
    )
