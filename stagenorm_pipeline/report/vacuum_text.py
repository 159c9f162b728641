"""Write which tables to vacuum, and why. Pure."""

from collections.abc import Iterator, Sequence
from typing import assert_never

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.engine.monitor.vacuum import Autovacuum, UpdatesOfRun, UpdatesUnknown, VacuumAdvice
from stagenorm_pipeline.report.escape import sentence_for_terminal
from stagenorm_pipeline.report.terminal_layout import Screen, wrapped


def vacuum_lines(advice: Sequence[VacuumAdvice], screen: Screen) -> Iterator[str]:
    """List the commands, each with its reason. Nothing if there is nothing to vacuum."""
    if advice:
        yield "To vacuum, in psql:"
    for one in advice:
        yield from wrapped(sentence_for_terminal(one.command), screen, indent=2)
        yield from wrapped(vacuum_reason(one), screen, indent=4)


def vacuum_reason(advice: VacuumAdvice) -> str:
    """Say why a table is to be vacuumed."""
    # All of the table: no live row was reported yet, so the share says nothing.
    share = f", {advice.dead_share:.0%} of the table" if advice.dead_share < 1 else ""
    dead = counted(advice.dead_rows, "dead row version")
    return f"{dead}{share}{_hot(advice.of_run)}; {_by_itself(advice.autovacuum)}."


def _hot(of_run: UpdatesOfRun | UpdatesUnknown) -> str:
    match of_run:
        case UpdatesUnknown():
            return ""
        case UpdatesOfRun(updates=updates, hot_updates=hot_updates):
            if hot_updates >= updates:
                return "; all of the run's updates were HOT" if updates else ""
            # Rounded down: 100% would contradict "the others".
            return f"; {hot_updates * 100 // updates}% of the run's updates were HOT, the others added index entries"


def _by_itself(autovacuum: Autovacuum) -> str:
    match autovacuum:
        case Autovacuum.OFF:
            return "autovacuum is off for it"
        case Autovacuum.DUE:
            return "autovacuum is due too, but may start later"
        case Autovacuum.NOT_DUE:
            return "too few for autovacuum to start"
        case _:
            assert_never(autovacuum)
