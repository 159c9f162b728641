"""Test help and completion, and what they import."""

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete

from stagenorm_pipeline.cli.main import main

_COMMANDS = main.list_commands(click.Context(main))


@pytest.mark.parametrize("name", _COMMANDS)
def test_every_command_has_help_with_examples(name: str) -> None:
    context = click.Context(main, info_name="stagenorm")
    command = main.get_command(context, name)
    assert command is not None
    assert command.name == name
    shown = command.get_help(click.Context(command, parent=context, info_name=name))
    assert f"Usage: stagenorm {name}" in shown
    assert "Examples:" in shown
    assert f"stagenorm {name}" in shown.split("Examples:")[1]


def test_help_lists_every_command() -> None:
    shown = main.get_help(click.Context(main, info_name="stagenorm"))
    listed = re.findall(r"^  (\S+)  +\S", shown.split("Commands:")[1], re.MULTILINE)
    assert listed == _COMMANDS


def test_unknown_command_suggests_the_closest() -> None:
    with pytest.raises(click.UsageError, match=r"No such command 'statsu'\. Did you mean 'status'\?"):
        main.main(["statsu"], standalone_mode=False)
    with pytest.raises(click.UsageError, match=r"No such command 'qqq'\.$"):
        main.main(["qqq"], standalone_mode=False)


def _imported_by(arguments: list[str], url: str = "") -> set[str]:
    script = (
        "import sys\nfrom stagenorm_pipeline.cli.main import main\n"
        f"try: main({arguments!r})\nexcept SystemExit: pass\n"
        "print('IMPORTED', *sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env={"DATABASE_URL": url}
    )
    return set(ran.stdout.rpartition("IMPORTED")[2].split())


def test_help_imports_nothing_heavy() -> None:
    heavy = {"sqlalchemy", "psycopg", "dagster", "pandas", "rich", "yaml", "rapidfuzz", "stagenorm_pipeline.engine"}
    assert not heavy & _imported_by(["--help"])


def test_status_imports_only_the_database_driver(application_url: str) -> None:
    imported = _imported_by(["status"], application_url)
    assert "psycopg" in imported
    assert not {"dagster", "pandas", "rapidfuzz", "jinja2"} & imported


@pytest.mark.parametrize(
    ("words", "last", "completed"),
    [
        ((), "unp", "unpause"),
        (("run",), "--reh", "--rehearse"),
        (("verify", "--table"), "deal", "deal_opportunities.stage"),
        (("report", "--format"), "h", "html"),
    ],
)
def test_commands_options_and_tables_are_completed(words: tuple[str, ...], last: str, completed: str) -> None:
    found = ShellComplete(main, {}, "stagenorm", "_STAGENORM_COMPLETE").get_completions(list(words), last)
    assert [item.value for item in found] == [completed]


def test_shell_completes_with_the_printed_script(tmp_path: Path) -> None:
    script = f"""
        PATH={Path(sys.executable).parent}:$PATH
        eval "$(stagenorm completion bash)"
        COMP_WORDS=(stagenorm verify --table deal); COMP_CWORD=3; COMPREPLY=()
        _stagenorm_completion stagenorm; echo "${{COMPREPLY[@]}}"
    """
    ran = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ran.stdout == "deal_opportunities.stage\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_own_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    main.main(["completion", shell], standalone_mode=False)
    assert f"_STAGENORM_COMPLETE={shell}_complete" in capsys.readouterr().out
