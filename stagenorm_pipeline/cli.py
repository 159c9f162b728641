"""The terminal face: `stagenorm`. Thin: it reads arguments, calls the engine, and shows what comes back.

Nothing heavy is imported at the top: `stagenorm --help` must answer at once.
"""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from stagenorm_pipeline import __version__
from stagenorm_pipeline.engine.errors import ConfigurationError, StagenormError

if TYPE_CHECKING:
    from datetime import datetime
    from types import FrameType

    from sqlalchemy import Connection

    from stagenorm_pipeline.engine.configuration import Configuration, TargetSetting
    from stagenorm_pipeline.engine.connection import Database
    from stagenorm_pipeline.engine.funds import FundScope
    from stagenorm_pipeline.engine.plan import Plan
    from stagenorm_pipeline.vocabulary import Vocabulary

F = TypeVar("F", bound=Callable[..., Any])

_EXIT_FAILED = 1
_EXIT_ARGUMENTS = 2


class _Commands(click.Group):
    """A group that shows our own errors without a stack trace."""

    def invoke(self, ctx: click.Context) -> Any:
        from sqlalchemy.exc import DBAPIError

        from stagenorm_pipeline.terminal import show_error
        from stagenorm_pipeline.vocabulary import VocabularyError

        try:
            return super().invoke(ctx)
        except ConfigurationError as error:
            show_error(error)
            ctx.exit(_EXIT_ARGUMENTS)
        except VocabularyError as error:
            show_error(StagenormError(str(error)))
            ctx.exit(_EXIT_ARGUMENTS)
        except StagenormError as error:
            show_error(error)
            ctx.exit(_EXIT_FAILED)
        except DBAPIError as error:
            from stagenorm_pipeline.engine.connection import first_line

            show_error(StagenormError(f"The database said: {first_line(error)}", remedy="Nothing is half done."))
            ctx.exit(_EXIT_FAILED)


@dataclass(frozen=True)
class _Work:
    """What the arguments that most commands share come to."""

    configuration: Configuration
    targets: tuple[TargetSetting, ...]
    scope: FundScope

    def vocabulary(self) -> Vocabulary:
        from stagenorm_pipeline.vocabulary import Vocabulary, load_decisions

        path = self.configuration.decisions
        built_in = Vocabulary.built_in()
        return built_in.with_decisions(load_decisions(path)) if path.exists() else built_in


def _scope_options(command: F) -> F:
    for option in (
        click.option("--table", help="One target only: a table, schema.table or schema.table.column."),
        click.option("--no-fund", is_flag=True, help="Only the rows without a fund."),
        click.option("--fund-id", help="One fund only, by the application's id."),
    ):
        command = option(command)
    return command


def _work(fund_id: str | None, no_fund: bool, table: str | None) -> _Work:
    from stagenorm_pipeline.engine.configuration import load_configuration
    from stagenorm_pipeline.engine.funds import FundScope

    if fund_id is not None and no_fund:
        raise ConfigurationError("--fund-id and --no-fund exclude each other.", remedy="Give one of them.")
    configuration = load_configuration()
    scope = FundScope.one(fund_id) if fund_id is not None or no_fund else FundScope()
    return _Work(configuration, configuration.select(table), scope)


@contextmanager
def _database() -> Iterator[Database]:
    from stagenorm_pipeline.engine.connection import Database

    url = os.environ.get("DATABASE_URL", "")
    if not url.strip():
        raise ConfigurationError(
            "DATABASE_URL is not set.",
            remedy="export DATABASE_URL=postgresql://USER:PASSWORD@HOST:5432/DATABASE "
            "(or try `stagenorm demo`, which needs none).",
        )
    database = Database.at(url)
    try:
        yield database
    finally:
        database.close()


@contextmanager
def _stop_on_interrupt() -> Iterator[Callable[[], bool]]:
    """The first Ctrl-C asks to stop after the current batch; the second one interrupts at once. Both are safe."""
    from stagenorm_pipeline.terminal import say

    asked = False

    def ask(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a handler
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        say("Stopping after the current batch; press Ctrl-C again to stop at once.", "WARN")

    previous = {signum: signal.signal(signum, ask) for signum in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for signum, handler in previous.items():
            signal.signal(signum, handler)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="stagenorm")
def main() -> None:
    """Normalize the spellings of investment stages in a PostgreSQL database, and prove that nothing was lost.

    \b
    A first time through, after `export DATABASE_URL=postgresql://...`:
      stagenorm init-db     create stagenorm's own tables
      stagenorm dry-run     what would change; records and changes nothing
      stagenorm run         show the plan, ask, apply it batch by batch
      stagenorm verify      seven checks over what is really in the database
    """


@main.command("init-db")
def init_db() -> None:
    """Create stagenorm's own tables and views. Safe to run again."""
    from stagenorm_pipeline.engine.migrations import apply_migrations

    with _database() as database:
        for file in apply_migrations(database):
            click.echo(f"Applied {file.name}")


@main.command()
@click.option("--table", help="One target only: a table, schema.table or schema.table.column.")
def preflight(table: str | None) -> None:
    """Look for what would stand in the way, each with its remedy. Reads only; run it as the role that will work."""
    work = _work(None, no_fund=False, table=table)
    with _database() as database:
        if not _show_findings(database, work):
            click.echo("Nothing stands in the way.")


@main.command()
@_scope_options
@click.option("--json", "as_json", is_flag=True, help="For a script.")
def inventory(fund_id: str | None, no_fund: bool, table: str | None, as_json: bool) -> None:
    """List the spellings in the data, known and unknown, with suggestions for the unknown. Reads only."""
    from stagenorm_pipeline.engine.inventory import read_inventory
    from stagenorm_pipeline.engine.targets import resolve_targets
    from stagenorm_pipeline.report.document import document_json, inventory_document
    from stagenorm_pipeline.report.text import inventory_text

    work = _work(fund_id, no_fund, table)
    with _database() as database, database.snapshot() as connection:
        _say_what_is_missing(connection)
        targets = resolve_targets(connection, work.targets)
        inventories = read_inventory(connection, targets, work.scope, work.vocabulary())
    text = document_json(inventory_document(inventories)).rstrip("\n") if as_json else inventory_text(inventories)
    click.echo(text)


@main.command("dry-run")
@_scope_options
@click.option("--batch-size", type=int, help="Most rows that one batch changes.  [default: 5000]")
@click.option("--json", "as_json", is_flag=True, help="For a script.")
def dry_run(fund_id: str | None, no_fund: bool, table: str | None, batch_size: int | None, as_json: bool) -> None:
    """Show what a run would change. Reads in one READ ONLY transaction; records nothing.

    \b
    Examples:
      stagenorm dry-run --batch-size 1000
      stagenorm dry-run --fund-id 123
      stagenorm dry-run --table portfoliocompanies
    """
    from stagenorm_pipeline.engine.plan import preview_plan

    work = _work(fund_id, no_fund, table)
    request = _plan_request(work, batch_size)
    with _database() as database:
        with database.snapshot() as connection:
            _say_what_is_missing(connection)
        plan = preview_plan(database, request)
    arguments = [f"--fund-id {shlex.quote(fund_id)}"] if fund_id is not None else []
    arguments += ["--no-fund"] if no_fund else []
    arguments += [f"--table {shlex.quote(table)}"] if table else []
    arguments += [f"--batch-size {batch_size}"] if batch_size else []
    next_command = " ".join(["stagenorm run", *arguments]) if plan.total_batches and arguments else None
    _show_plan(plan, as_json=as_json, next_command=next_command)


@main.command()
@_scope_options
@click.option("--batch-size", type=int, help="Most rows that one batch changes.  [default: 5000]")
@click.option(
    "--sleep-ms", type=click.IntRange(0, 600_000), default=100, show_default=True, help="Pause after a batch."
)
@click.option("--plan", "plan_id", type=int, help="Apply this recorded plan instead of making one.")
@click.option("--rehearse", is_flag=True, help="Execute every batch and roll it back; then stop.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def run(
    fund_id: str | None,
    no_fund: bool,
    table: str | None,
    batch_size: int | None,
    sleep_ms: int,
    plan_id: int | None,
    rehearse: bool,
    yes: bool,
) -> None:
    """Record a plan, show it, ask, and apply it batch by batch.

    \b
    Examples:
      stagenorm run --batch-size 1000 --sleep-ms 500    gentle: for production with replicas
      stagenorm run                                     balanced: 5000 rows, 100 ms
      stagenorm run --batch-size 10000 --sleep-ms 0     fast: in a maintenance window
    """
    from stagenorm_pipeline.engine.plan import open_plan, record_plan
    from stagenorm_pipeline.engine.workers import user_name
    from stagenorm_pipeline.terminal import say

    work = _work(fund_id, no_fund, table)
    if plan_id is not None and batch_size is not None:
        raise ConfigurationError("--plan has its batches already.", remedy="Leave --batch-size out.")
    request = _plan_request(work, batch_size)
    with _database() as database:
        _preflight(database, work)
        if plan_id is None:
            if not yes and not rehearse:
                _require_somebody_to_ask()
            say("Starting migration script...")
            say("Creating batch plans...")
            plan = record_plan(database, request, created_by=user_name(), as_draft=True)
            say(f"Created {plan.total_batches} batch plans")
            say("Recording batch plans in stage_migration_batches...", planId=plan.plan_id)
            plan_id = plan.plan_id
            _show_plan(plan, as_json=False, next_command="")
            if not plan.total_batches:
                open_plan(database, _recorded(plan))
                say("Nothing to do: no row holds a known spelling that is not canonical.")
                return
            if not yes and not rehearse:
                _ask_to_apply(plan)
        if rehearse:
            _rehearse(database, plan_id or 0)
            return
        open_plan(database, plan_id or 0)
        _apply(database, work, plan_id, sleep_ms)


@main.command()
@_scope_options
@click.option(
    "--sleep-ms", type=click.IntRange(0, 600_000), default=100, show_default=True, help="Pause after a batch."
)
def resume(fund_id: str | None, no_fund: bool, table: str | None, sleep_ms: int) -> None:
    """Go on with open plans: pending batches, failed ones (of those, the refused rows only), and abandoned ones."""
    work = _work(fund_id, no_fund, table)
    with _database() as database:
        _preflight(database, work)
        _apply(database, work, None, sleep_ms)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="For a script.")
def status(as_json: bool) -> None:
    """Show how far the work is, who is running, what failed, and the next command."""
    from stagenorm_pipeline.engine.status import read_status
    from stagenorm_pipeline.report.status_text import status_json, status_text

    with _database() as database:
        found = read_status(database)
    click.echo(status_json(found) if as_json else status_text(found))


@main.command()
@click.option("--reason", default="no reason given", help="Why, for the others.")
def pause(reason: str) -> None:
    """Let no runner start another batch until `stagenorm unpause`."""
    _set_paused(paused=True, reason=reason)
    click.echo("Paused: every runner stops before its next batch. `stagenorm unpause` lets them go on.")


@main.command()
def unpause() -> None:
    """Let the runners go on."""
    _set_paused(paused=False, reason=None)
    click.echo("Not paused any more.")


@main.command()
@click.option("--plan", "plan_id", type=int, required=True, help="The plan to cancel.")
def cancel(plan_id: int) -> None:
    """Cancel what a plan still has to do. What it did stays done; `stagenorm rollback` undoes that."""
    from stagenorm_pipeline.engine.plan import cancel_plan

    with _database() as database:
        click.echo(f"Cancelled {cancel_plan(database, plan_id)} batches of plan {plan_id}.")


@main.command()
@_scope_options
@click.option("--plan", "plan_id", type=int, help="Undo what this plan changed.")
@click.option("--batch", "batch_id", type=int, help="Undo what this batch changed.")
@click.option("--since", type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d %H:%M:%S%z"]), help="Undo all since.")
@click.option(
    "--sleep-ms", type=click.IntRange(0, 600_000), default=100, show_default=True, help="Pause after a batch."
)
@click.option("--yes", is_flag=True, help="Do it; without this only what would be restored is shown.")
def rollback(
    fund_id: str | None,
    no_fund: bool,
    table: str | None,
    plan_id: int | None,
    batch_id: int | None,
    since: datetime | None,
    sleep_ms: int,
    yes: bool,
) -> None:
    """Restore rows that still hold what stagenorm wrote. Rows that somebody changed since are listed and left.

    \b
    Examples:
      stagenorm rollback --plan 7                               show what it would restore
      stagenorm rollback --plan 7 --yes                         do it
      stagenorm rollback --since "2025-10-30 00:00:00+00:00" --table portfoliocompanies
    """
    from stagenorm_pipeline.engine.rollback import (
        RollbackRequest,
        preview_rollback,
        record_rollback,
    )
    from stagenorm_pipeline.engine.workers import user_name
    from stagenorm_pipeline.report.rollback_text import rollback_text

    work = _work(fund_id, no_fund, table)
    request = RollbackRequest(plan_id, batch_id, since, work.targets, work.scope)
    with _database() as database:
        preview = preview_rollback(database, request)
        click.echo(rollback_text(preview))
        if not yes or not preview.restorable:
            return
        recorded = record_rollback(database, request, created_by=user_name())
        _apply(database, work, recorded, sleep_ms)


@main.command()
@_scope_options
@click.option("--strict", is_flag=True, help="Count warnings as failures.")
@click.option("--sample-size", type=click.IntRange(0, 100_000), default=100, show_default=True, help="Rows to sample.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Which sample.")
@click.option("--plan", "plan_id", type=int, help="Compare with this plan's baseline.")
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write the JSON report (or .html, .md)."
)
def verify(
    fund_id: str | None,
    no_fund: bool,
    table: str | None,
    strict: bool,
    sample_size: int,
    seed: int,
    plan_id: int | None,
    output: Path | None,
) -> None:
    """Run the seven checks in one consistent snapshot. Never writes to the application's tables.

    \b
    Examples:
      stagenorm verify --strict
      stagenorm verify --output migration-report.json
      stagenorm verify --fund-id 123 --sample-size 500
    """
    from stagenorm_pipeline.engine.verification.result import Verdict
    from stagenorm_pipeline.engine.verification.verify import VerifyRequest, record_verification
    from stagenorm_pipeline.engine.verification.verify import verify as run_verification
    from stagenorm_pipeline.engine.workers import user_name
    from stagenorm_pipeline.report.document import document_sha256, verification_document
    from stagenorm_pipeline.report.text import verification_text
    from stagenorm_pipeline.terminal import say

    _check_output(output)
    work = _work(fund_id, no_fund, table)
    with _database() as database:
        request = VerifyRequest(
            work.vocabulary(), user_name(), work.targets, work.scope, strict, sample_size, seed, plan_id
        )
        result = run_verification(database, request)
        sha256 = document_sha256(verification_document(result))
        record_verification(database, result, sha256)
    click.echo(verification_text(result, sha256=sha256))
    if output is not None:
        _write_report(output, result, sha256)
        click.echo(f"Report written to {output}")
    if result.verdict is Verdict.FAILED:
        say("Verification FAILED: One or more checks failed", "ERROR")
        sys.exit(_EXIT_FAILED)


@main.command()
@_scope_options
def decisions(fund_id: str | None, no_fund: bool, table: str | None) -> None:
    """Write every undecided spelling into the decisions file, for a person to fill in. Keeps every entry there is."""
    from stagenorm_pipeline.engine.inventory import read_inventory, undecided_spellings
    from stagenorm_pipeline.engine.targets import resolve_targets
    from stagenorm_pipeline.terminal import replace_file
    from stagenorm_pipeline.vocabulary import Decisions, load_decisions, render_decisions

    work = _work(fund_id, no_fund, table)
    path = work.configuration.decisions
    existing = load_decisions(path) if path.exists() else Decisions(())
    with _database() as database, database.snapshot() as connection:
        targets = resolve_targets(connection, work.targets)
        undecided = undecided_spellings(read_inventory(connection, targets, work.scope, work.vocabulary()))
    replace_file(path, render_decisions(existing, undecided))
    click.echo(
        f"{path}: {len(undecided)} undecided spelling(s), most rows first. Fill in `stage`, then stagenorm dry-run."
    )


@main.command()
def demo() -> None:
    """Walk the whole runbook over 60,000 made-up rows on an embedded PostgreSQL. Needs no DATABASE_URL."""
    from stagenorm_pipeline.local.demo import run_demo

    sys.exit(run_demo())


@main.command()
@click.option("--port", type=click.IntRange(1, 65_535), default=3000, show_default=True, help="Port on 127.0.0.1.")
def ui(port: int) -> None:
    """Serve the Dagster UI on http://127.0.0.1:3000, daemon included. Ctrl-C stops all of it.

    Works on DATABASE_URL, or where it is not set on the demo's embedded PostgreSQL.
    """
    from stagenorm_pipeline.local.ui import run_ui

    run_ui(port)


def _say_what_is_missing(connection: Connection) -> None:
    """For commands that only look, and so work without our tables: which migration a run would need."""
    from stagenorm_pipeline.engine.errors import MissingMigrationError
    from stagenorm_pipeline.engine.migrations import require_migrations

    try:
        require_migrations(connection)
    except MissingMigrationError as error:
        click.echo(f"Before a run: {error}", err=True)


def _preflight(database: Database, work: _Work) -> None:
    """Before anything is recorded or changed. What is missing altogether is one error, not a list of findings."""
    from stagenorm_pipeline.engine.migrations import require_migrations
    from stagenorm_pipeline.engine.targets import resolve_targets

    with database.snapshot() as connection:
        require_migrations(connection)
        resolve_targets(connection, work.targets)
    _show_findings(database, work)


def _show_findings(database: Database, work: _Work) -> bool:
    """Show what pre-flight finds; whether it found anything. An error ends the command."""
    from stagenorm_pipeline.engine.preflight import PreflightLevel, run_preflight
    from stagenorm_pipeline.terminal import show_finding

    dagster_url = os.environ.get("STAGENORM_DAGSTER_URL", "").strip() or None
    findings = run_preflight(database, work.targets, dagster_url=dagster_url)
    for finding in findings:
        show_finding(finding)
    if any(finding.level is PreflightLevel.ERROR for finding in findings):
        sys.exit(_EXIT_FAILED)
    return bool(findings)


def _plan_request(work: _Work, batch_size: int | None) -> Any:
    from stagenorm_pipeline.engine.request import DEFAULT_BATCH_SIZE, PlanRequest

    size = DEFAULT_BATCH_SIZE if batch_size is None else batch_size
    return PlanRequest(work.vocabulary(), work.targets, work.scope, size)


def _show_plan(plan: Plan, *, as_json: bool, next_command: str | None = None) -> None:
    from stagenorm_pipeline.report.document import document_json, plan_document
    from stagenorm_pipeline.report.text import plan_text

    as_text = plan_text(plan, next_command=next_command)
    click.echo(document_json(plan_document(plan)).rstrip("\n") if as_json else as_text)


def _recorded(plan: Plan) -> int:
    if plan.plan_id is None:
        raise StagenormError("This plan was not recorded.")
    return plan.plan_id


def _require_somebody_to_ask() -> None:
    if not sys.stdin.isatty():
        raise ConfigurationError(
            "There is nobody to ask: standard input is not a terminal.",
            remedy="Look at `stagenorm dry-run`, then add --yes. Nothing was recorded.",
        )


def _ask_to_apply(plan: Plan) -> None:
    if not click.confirm(f"Change {plan.counts.rows_to_change:,} rows in {plan.total_batches:,} batches?"):
        click.echo(f"Nothing was changed. Plan {plan.plan_id} waits: `stagenorm run --plan {plan.plan_id}` applies it.")
        sys.exit(0)


def _apply(database: Database, work: _Work, plan_id: int | None, sleep_ms: int) -> None:
    from stagenorm_pipeline.engine.apply import ApplyRequest, apply_batches
    from stagenorm_pipeline.engine.workers import user_name, worker_name
    from stagenorm_pipeline.terminal import say, watcher

    with _stop_on_interrupt() as should_stop:
        result = apply_batches(
            database,
            ApplyRequest(
                worker=worker_name("cli"),
                run_by=user_name(),
                plan_id=plan_id,
                scope=work.scope,
                targets=work.targets,
                sleep_ms=sleep_ms,
                watch=watcher(),
                should_stop=should_stop,
            ),
        )
    fields: dict[str, Any] = {
        "totalBatches": result.batches,
        "completedBatches": result.completed,
        "failedBatches": result.failed,
        "heldBatches": result.held,
        "rowsUpdated": result.rows.rows_updated,
        "rowsSkipped": result.rows.rows_skipped,
        "rowsFailed": result.rows.rows_failed,
    }
    if result.stopped:
        say("Migration stopped before its end; `stagenorm resume` goes on.", "WARN", **fields)
    elif result.failed:
        say("Migration ended with failures; `stagenorm status` names them.", "ERROR", **fields)
    elif result.held:
        say("Migration completed but for batches that others hold.", "WARN", **fields)
    elif not result.batches:
        say("Nothing to do: no open plan has a batch that waits.")
    else:
        say("Migration completed", **fields)
        say("Next: stagenorm verify")
    if not result.ok:
        sys.exit(_EXIT_FAILED)


def _rehearse(database: Database, plan_id: int) -> None:
    from stagenorm_pipeline.engine.rehearsal import rehearse_plan
    from stagenorm_pipeline.engine.workers import user_name
    from stagenorm_pipeline.report.escape import for_terminal, sentence_for_terminal
    from stagenorm_pipeline.terminal import say

    with _stop_on_interrupt() as should_stop:
        result = rehearse_plan(database, plan_id, run_by=user_name(), should_stop=should_stop)
    for refused in result.refused:
        where = f"{for_terminal(refused.batch.target)}, row {for_terminal(refused.row_id)}"
        say(f"Would be refused: {where}: {sentence_for_terminal(refused.message)}", "ERROR")
    rows = result.rows
    fields: dict[str, Any] = {
        "totalBatches": result.batches,
        "rowsUpdated": rows.rows_updated,
        "rowsSkipped": rows.rows_skipped,
        "rowsFailed": rows.rows_failed,
    }
    say("Rehearsal ended; every batch was rolled back, nothing was changed.", **fields)
    say(f"Next: stagenorm run --plan {plan_id} applies this plan, stagenorm cancel --plan {plan_id} drops it.")
    if rows.rows_failed:
        sys.exit(_EXIT_FAILED)


def _set_paused(*, paused: bool, reason: str | None) -> None:
    from stagenorm_pipeline.engine.control import set_paused
    from stagenorm_pipeline.engine.workers import user_name

    with _database() as database:
        set_paused(database, paused=paused, reason=reason, changed_by=user_name())


def _check_output(output: Path | None) -> None:
    if output is not None and not output.absolute().parent.is_dir():
        raise ConfigurationError(f"The directory of {output} does not exist.", remedy="Create it first.")


def _write_report(output: Path, result: Any, sha256: str) -> None:
    from stagenorm_pipeline.report.document import document_json, verification_document
    from stagenorm_pipeline.report.html import verification_html
    from stagenorm_pipeline.report.markdown import verification_markdown
    from stagenorm_pipeline.terminal import replace_file

    match output.suffix.lower():
        case ".html":
            text = verification_html(result, sha256)
        case ".md":
            text = verification_markdown(result, sha256)
        case _:
            text = document_json(verification_document(result))
    replace_file(output, text)


if __name__ == "__main__":
    main()
