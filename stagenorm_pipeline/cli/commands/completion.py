"""`stagenorm completion`."""

import click
from click.shell_completion import get_completion_class


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the script that lets a shell complete commands, options and tables.

    \b
    Examples:
      eval "$(stagenorm completion bash)"                         once
      echo 'eval "$(stagenorm completion bash)"' >> ~/.bashrc     always
      echo 'eval "$(stagenorm completion zsh)"' >> ~/.zshrc
      stagenorm completion fish > ~/.config/fish/completions/stagenorm.fish
    """
    completion = get_completion_class(shell)
    assert completion is not None  # noqa: S101 - the argument allows click's own shells alone
    click.echo(completion(context.find_root().command, {}, "stagenorm", "_STAGENORM_COMPLETE").source())
