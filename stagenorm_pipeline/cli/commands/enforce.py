"""`stagenorm enforce`."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from stagenorm_pipeline.cli.database import open_database
from stagenorm_pipeline.cli.scope_options import read_work, table_option

if TYPE_CHECKING:
    from stagenorm_pipeline.engine.enforce.constraint import Enforcement
    from stagenorm_pipeline.engine.postgres.connection import Database

# Long enough for some hundred spellings; a statement that is cut would be of no use to a person.
_STATEMENT_SHOWN = 20_000


@click.command("enforce")
@table_option
@click.option("--remove", is_flag=True, help="Take the constraint back.")
@click.option("--yes", is_flag=True, help="Do it; without this only the statements are shown.")
def command(table: str | None, remove: bool, yes: bool) -> None:
    """Keep a clean column clean: from now on PostgreSQL refuses every stage that is not canonical.

    Adds a CHECK constraint that allows the canonical stages, NULL, and the spellings that the decisions leave as they
    are. Refuses while rows hold any other. Readers and writers are held up for half a second at most.

    \b
    Examples:
      stagenorm enforce                              show the statements; change nothing
      stagenorm enforce --yes                        do it
      stagenorm enforce --remove --table portfoliocompanies --yes
    """
    from stagenorm_pipeline.engine.enforce.constraint import read_enforcements
    from stagenorm_pipeline.engine.enforce.enforce import require_enforceable

    work = read_work(None, False, table)
    vocabulary = work.vocabulary()
    with open_database(to_record=yes) as database:
        found = read_enforcements(database, work.targets, vocabulary)
        for one in found:
            _show(one, one.to_remove if remove else one.to_enforce)
        if not remove:
            # All of them before any: half of the tables enforced is seldom what was wanted.
            for one in found:
                require_enforceable(one)
        if not any(one.to_remove if remove else one.to_enforce for one in found):
            click.echo("Nothing to do.")
            return
        if not yes:
            options = (" --remove" if remove else "") + (f" --table {shlex.quote(table)}" if table else "")
            click.echo(f"Nothing was changed. To do it: stagenorm enforce{options} --yes")
            return
        for one in found:
            _act(database, one, remove=remove)


def _act(database: Database, one: Enforcement, *, remove: bool) -> None:
    from stagenorm_pipeline.cli.log_lines import say
    from stagenorm_pipeline.engine.enforce.enforce import enforce, remove_enforcement
    from stagenorm_pipeline.engine.postgres.identity import user_name
    from stagenorm_pipeline.report.escape import for_terminal, sentence_for_terminal

    name = for_terminal(one.target.name)

    def announce(error: str, attempt: int, wait_s: float) -> None:
        say(f"{name}: {sentence_for_terminal(error)}; trying again in {wait_s:.1f} s", "WARN", attempt=attempt)

    if remove and one.to_remove:
        remove_enforcement(database, one, done_by=user_name(), announce=announce)
        say(f"{name}: the constraint {for_terminal(one.constraint)} is removed")
    elif not remove and one.to_enforce:
        enforce(database, one, done_by=user_name(), announce=announce)
        say(f"{name}: enforced by the constraint {for_terminal(one.constraint)}")


def _show(one: Enforcement, statements: tuple[str, ...]) -> None:
    from stagenorm_pipeline.report.escape import for_terminal, sentence_for_terminal

    counts = one.counts
    click.echo(
        f"{for_terminal(one.target.name)}: {_STATES[one.state]}. {counts.rows_seen:,} rows: "
        f"{counts.rows_canonical:,} canonical, {counts.rows_left_as_is:,} left as they are by decision, "
        f"{counts.rows_null:,} NULL, {counts.rows_to_change:,} to change, {counts.rows_unknown:,} unknown"
    )
    for statement in statements:
        click.echo(f"  {sentence_for_terminal(statement, limit=_STATEMENT_SHOWN)};")


_STATES = {
    "none": "not enforced",
    "half_done": "half done: the constraint judges new rows, and was never validated",
    "enforced": "enforced",
    "other_values": "enforced with the decisions of another time",
    "inherited": "enforced by its parent table",
    "foreign": "has a constraint of this name that stagenorm did not make",
}
