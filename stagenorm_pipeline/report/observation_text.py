"""Write which rows the constraint would refuse as text for a terminal."""

from collections.abc import Iterator, Sequence
from typing import assert_never

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.engine.enforce.observe import LastBaseline, NoBaseline, Observation, RefusedSpelling
from stagenorm_pipeline.report.escape import for_terminal
from stagenorm_pipeline.report.number_formats import moment
from stagenorm_pipeline.report.tables import Cell, Difference, Name, Spelling, Table, shown_of
from stagenorm_pipeline.report.terminal_layout import PLAIN, Screen, next_line, rows_lines, text_of, wrapped

# Two targets fit on a screen of 24 lines.
_SPELLINGS = 6


def observations_text(observations: Sequence[Observation], screen: Screen = PLAIN) -> str:
    """Write each target with its refused spellings, and what to do next."""
    lines = [line for one in observations for line in (*_lines(one, screen), "")]
    following = _next(observations)
    return text_of([*lines, *next_line(following, screen)] if following else lines[:-1])


def _next(observations: Sequence[Observation]) -> str:
    """Return the next command; empty if there is nothing to do."""
    refused = [spelling for one in observations for spelling in one.refused]
    if any(spelling.stage is None for spelling in refused):
        return "stagenorm decisions"
    if refused:
        return "stagenorm run"
    return "stagenorm enforce" if any(not one.is_enforced for one in observations) else ""


def _lines(one: Observation, screen: Screen) -> Iterator[str]:
    state = "enforced" if one.is_enforced else "not enforced"
    spellings = f", with {counted(one.spellings, 'spelling')}" if one.spellings else ""
    yield from wrapped(
        f"{for_terminal(one.target.name)}: {state}. The constraint would refuse {one.rows:,} of "
        f"{counted(one.rows_seen, 'row')}{spellings}.",
        screen,
    )
    yield from wrapped(_compared(one), screen, indent=2)
    if one.refused:
        yield from rows_lines(_table(one), screen)


def _compared(one: Observation) -> str:
    match one.baseline:
        case NoBaseline():
            return "No plan has counted all funds of it, so there is nothing to compare with."
        case LastBaseline(plan_id=plan_id, made_at=made_at, rows=rows):
            change = one.rows - rows
            said = f"{abs(change):,} {'more' if change > 0 else 'fewer'} than" if change else "As many as"
            return f"{said} when plan {plan_id} was made ({rows:,}, {moment(made_at)})."
        case _:
            assert_never(one.baseline)


def _table(one: Observation) -> Table:
    return Table(
        title="Refused",
        headings=("Rows", "Since", "Spelling", "A run makes it", "Funds", "Ids"),
        rows=tuple(_row(spelling, one.baseline) for spelling in one.refused[: shown_of(one.spellings, _SPELLINGS)]),
        total=one.spellings,
        unit="spellings",
    )


def _row(spelling: RefusedSpelling, baseline: LastBaseline | NoBaseline) -> tuple[Cell, ...]:
    change = spelling.rows - spelling.rows_before if isinstance(baseline, LastBaseline) else None
    ids = spelling.first_id if spelling.rows == 1 else f"{spelling.first_id} to {spelling.last_id}"
    return (
        spelling.rows,
        Difference(count=change),
        Spelling(text=spelling.spelling + ("…" if spelling.is_cut else "")),
        Name(text=str(spelling.stage) if spelling.stage else "unknown"),
        spelling.funds,
        Name(text=ids),
    )
