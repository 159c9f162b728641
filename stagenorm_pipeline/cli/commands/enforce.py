"""`stagenorm enforce`."""

from __future__ import annotations

import click

from stagenorm_pipeline.cli.live_display import showing_reading
from stagenorm_pipeline.cli.log_lines import say, say_line
from stagenorm_pipeline.cli.options import ScopeOptions, table_option
from stagenorm_pipeline.cli.screen import screen, show, tell, tell_command
from stagenorm_pipeline.cli.sources import show_sources, sources_document
from stagenorm_pipeline.engine.enforce.constraint import Enforcement
from stagenorm_pipeline.errors import ConfigurationError
from stagenorm_pipeline.report.escape import for_terminal, sentence_for_terminal
from stagenorm_pipeline.report.event_lines import retry_line
from stagenorm_pipeline.report.terminal_layout import statement_lines
from stagenorm_pipeline.service import enforcing
from stagenorm_pipeline.service.context import ServiceContext, open_service

# Long enough for some hundred spellings; a statement that is cut would be of no use to a person.
_STATEMENT_SHOWN = 20_000


@click.command("enforce")
@table_option
@click.option("--remove", is_flag=True, help="Remove the constraint.")
@click.option("--yes", is_flag=True, help="Do it. Without this, show the statements.")
@click.option("--observe", is_flag=True, help="Show which rows it would refuse now; change nothing.")
@click.option("--json", "as_json", is_flag=True, help="With --observe: print JSON.")
def command(table: str | None, remove: bool, yes: bool, observe: bool, as_json: bool) -> None:
    """Keep a clean column clean: from now on PostgreSQL refuses every stage that is not canonical.

    Adds a CHECK constraint that allows the canonical stages, NULL, and the spellings that are kept by decision.
    Refused while rows hold any other. Blocks readers and writers for at most half a second.

    \b
    Examples:
      stagenorm enforce                 show the statements; change nothing
      stagenorm enforce --yes           do it
      stagenorm enforce --observe       which rows it would refuse now
      stagenorm enforce --remove --table portfoliocompanies --yes
    """
    chosen = ScopeOptions(table=table)
    _require_one_use(changes=remove or yes, observe=observe, as_json=as_json)
    with open_service(interface="cli", with_vocabulary=True) as context:
        if observe:
            _observe(context, chosen, as_json=as_json)
            return
        if yes:
            context.require_writable()
        found = enforcing.preview_enforcement(context, selection=chosen.select(context))
        show_sources(context)
        if not remove:
            # Before the statements, which would fail on these tables.
            enforcing.require_all_clean(found)
        for one in found:
            _show(one, one.to_remove if remove else one.to_enforce)
        if not remove:
            enforcing.require_all_enforceable(found)
        if not any(one.to_remove if remove else one.to_enforce for one in found):
            click.echo("Nothing to do.")
            return
        if not yes:
            options = " ".join(["stagenorm enforce", *(["--remove"] if remove else []), *chosen.arguments(), "--yes"])
            tell_command("Nothing was changed. To do it:", options)
            return
        for one in found:
            _change(context, one, remove=remove)


def _require_one_use(*, changes: bool, observe: bool, as_json: bool) -> None:
    if observe and changes:
        raise ConfigurationError(
            "--observe changes nothing: it excludes --remove and --yes.", remedy="Give one of them."
        )
    if as_json and not observe:
        raise ConfigurationError("--json is for --observe.", remedy="Add --observe, or leave --json out.")


def _observe(context: ServiceContext, chosen: ScopeOptions, *, as_json: bool) -> None:
    from stagenorm_pipeline.report.json_document import document_json, observations_document
    from stagenorm_pipeline.report.observation_text import observations_text

    with showing_reading(f"Reading {chosen.target_names(context)}"):
        found = enforcing.observe_refusals(context, selection=chosen.select(context))
    if as_json:
        click.echo(document_json({**observations_document(found), **sources_document(context)}), nl=False)
    else:
        show_sources(context)
        show(observations_text(found, screen()))


def _change(context: ServiceContext, one: Enforcement, *, remove: bool) -> None:
    name = for_terminal(one.target.name)

    def announce(error: str, attempt: int, wait_s: float) -> None:
        say_line(retry_line(name, error, attempt, wait_s))

    if remove and one.to_remove:
        enforcing.remove_enforcement(context, found=one, announce=announce)
        say(f"{name}: the constraint {for_terminal(one.constraint)} is removed")
    elif not remove and one.to_enforce:
        enforcing.enforce(context, found=one, announce=announce)
        say(f"{name}: enforced by the constraint {for_terminal(one.constraint)}")


def _show(one: Enforcement, statements: tuple[str, ...]) -> None:
    counts = one.counts
    tell(
        f"{for_terminal(one.target.name)}: {_STATES[one.state]}. {counts.rows_seen:,} rows: "
        f"{counts.rows_canonical:,} canonical, {counts.rows_left_as_is:,} kept by decision, "
        f"{counts.rows_null:,} NULL, {counts.rows_to_change:,} to change, {counts.rows_unknown:,} unknown"
    )
    for statement in statements:
        written = sentence_for_terminal(statement, limit=_STATEMENT_SHOWN)
        show("\n".join(statement_lines(f"{written};", screen(), indent=2)))


_STATES = {
    "none": "not enforced",
    "half_done": "half done: the constraint checks new rows, and was never validated",
    "enforced": "enforced",
    "other_values": "enforced with earlier decisions",
    "inherited": "enforced by its parent table",
    "foreign": "has a constraint of this name that stagenorm did not make",
}
