"""The command `stagenorm`: lists the commands, and turns errors into a message and an exit code.

Nothing heavy is imported here: `stagenorm --help` must answer at once.
"""

from __future__ import annotations

import sys
from importlib import import_module
from io import TextIOWrapper
from typing import Any

import click

from stagenorm_pipeline import __version__
from stagenorm_pipeline.cli.global_options import accept_global_options, is_verbose, use_demo_if_asked
from stagenorm_pipeline.cli.interrupt import INTERRUPTED, WHAT_NOW, ending_on_interrupt
from stagenorm_pipeline.cli.standard_streams import ending_on_unwritable_output, open_closed_streams

_COMMANDS = {
    "init-db": "Create stagenorm's own tables and views.",
    "preflight": "Check what would stop a run, and how to fix it.",
    "inventory": "List the spellings in the data, known and unknown.",
    "decisions": "Decide what unknown spellings mean.",
    "vocabulary": "Show the stages, look up a spelling, or export everything.",
    "dry-run": "Show what a run would change; record nothing.",
    "run": "Record a plan, show it, ask, and apply it batch by batch.",
    "approval": "Require an approval before plans are applied, or lift that.",
    "approve": "Approve a plan that another role recorded.",
    "resume": "Continue open plans after a stop, a failure or a crash.",
    "status": "Show the progress, the runners, and the next command.",
    "plans": "List the plans, or show one with all its batches.",
    "pause": "Pause all runners after their current batch.",
    "unpause": "Let paused runners continue.",
    "tune": "Change the pace of all runners while they work.",
    "cancel": "Cancel the remaining batches of a plan.",
    "verify": "Run the seven checks over what is in the database now.",
    "report": "Print a recorded verification again, or list them.",
    "sign-off": "Sign a verification: later ones compare with it.",
    "explain": "Explain one row or one spelling: what changed it, and why.",
    "rollback": "Restore rows that still hold what stagenorm wrote.",
    "backup": "Save keys, funds and stages to a file; check one.",
    "drop-tracking": "Export stagenorm's own tables and drop them.",
    "metrics": "Print metrics in Prometheus' text format, or serve them.",
    "enforce": "Keep clean columns clean with a CHECK constraint, or remove it.",
    "demo": "Try the whole runbook on made-up rows; needs no database.",
    "ui": "Serve the Dagster UI on this machine.",
    "completion": "Print the script that lets a shell complete commands.",
}
"""Each command and its line in `stagenorm --help`, in the order of the work. To add a command, add a line here and a
file in `cli/commands/`: `dry-run` is `command` in `dry_run.py`."""


_EXIT_CODES = "Exit codes: 0 done, 1 the work or a check failed, 2 wrong arguments."


class _Commands(click.Group):
    """Imports a command when it is needed, and shows StagenormErrors without a stack trace."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            from difflib import get_close_matches

            # Click suggests only commands that are registered, and ours are not.
            if not ctx.resilient_parsing and (close := get_close_matches(cmd_name, _COMMANDS, n=1)):
                ctx.fail(f"No such command {cmd_name!r}. Did you mean {close[0]!r}?")
            return None
        command = import_module(f"stagenorm_pipeline.cli.commands.{cmd_name.replace('-', '_')}").command
        assert isinstance(command, click.Command)  # noqa: S101 - for the type checker
        command.epilog = command.epilog or _EXIT_CODES
        return accept_global_options(command, hidden=True)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))

    def main(self, *args: Any, **extra: Any) -> Any:
        open_closed_streams()
        with ending_on_interrupt(), ending_on_unwritable_output():
            return super().main(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        # Spellings hold any character. A stream that cannot encode one shows its escape instead of failing.
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            ctx.exit(_show_interrupt())
        except Exception as error:
            code = _show(error)
            if code is None:
                raise
            if is_verbose():
                _show_origin(error)
            ctx.exit(code)


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=f"{_EXIT_CODES} NO_COLOR turns colours off, LOG_FORMAT=json makes the log JSON.",
)
@click.version_option(__version__, prog_name="stagenorm")
@click.pass_context
def main(context: click.Context) -> None:
    """Normalize the spellings of investment stages in a PostgreSQL database, and prove that nothing was lost.

    \b
    To start, after `export DATABASE_URL=postgresql://...`:
      stagenorm init-db     create stagenorm's own tables
      stagenorm dry-run     what would change; records and changes nothing
      stagenorm run         show the plan, ask, apply it batch by batch
      stagenorm verify      seven checks over what is in the database now

    \b
    Without a database: stagenorm demo, then for example stagenorm --demo status
    """
    use_demo_if_asked(context)


accept_global_options(main, hidden=False)


def _show_origin(error: Exception) -> None:
    """Write where an error comes from, for `--verbose`. It may quote the data."""
    import traceback

    from stagenorm_pipeline.report.escape import sentence_for_terminal

    for line in "".join(traceback.format_exception(error)).splitlines():
        indent = line[: len(line) - len(line.lstrip(" "))]
        click.echo(f"{indent}{sentence_for_terminal(line.lstrip(' '))}", err=True)


def _show_interrupt() -> int:
    from stagenorm_pipeline.cli import exit_codes
    from stagenorm_pipeline.cli.log_lines import show_error
    from stagenorm_pipeline.errors import StagenormError

    show_error(StagenormError(INTERRUPTED, remedy=WHAT_NOW))
    return exit_codes.FAILED


def _show(error: Exception) -> int | None:
    """Show an error that a user can fix, and return the exit code; None for any other error."""
    if isinstance(error, (click.ClickException, click.exceptions.Exit, click.Abort)):
        return None
    from sqlalchemy.exc import DBAPIError

    from stagenorm_pipeline.cli import exit_codes
    from stagenorm_pipeline.cli.log_lines import show_error
    from stagenorm_pipeline.errors import ConfigurationError, StagenormError
    from stagenorm_pipeline.vocabulary import VocabularyError

    match error:
        case ConfigurationError():
            show_error(error)
            return exit_codes.ARGUMENTS
        case VocabularyError():
            show_error(StagenormError(str(error)))
            return exit_codes.ARGUMENTS
        case StagenormError():
            show_error(error)
            return exit_codes.FAILED
        case DBAPIError():
            from stagenorm_pipeline.engine.postgres.connection import first_line

            show_error(
                StagenormError(
                    f"The database said: {first_line(error)}", remedy="Every batch is either complete or untouched."
                )
            )
            return exit_codes.FAILED
    return None


if __name__ == "__main__":
    main()
