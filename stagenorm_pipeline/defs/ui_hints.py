"""Rewrite command-line hints in the engine's messages as Dagster UI steps, for readers without a terminal.

The command stays in parentheses: it does the same.
"""

from typing import Final

_UI_STEPS: Final = {
    "`stagenorm inventory`": "stage_inventory",
    "`stagenorm run`": "materializing batch_plan and then normalized_stages",
    "`stagenorm resume`": "materializing the same funds of normalized_stages again",
    "`stagenorm status`": "the check nothing_waits of batch_plan",
    "`stagenorm rollback`": "rollback_job",
    "`stagenorm unpause`": "unpause_job",
    "--no-lag-check": "no_lag_check in the config",
    "--only-untouched": "only_untouched in the config",
}


def with_ui_steps(message: str) -> str:
    """Return the message with the UI step in front of each command that it names."""
    for command, step in _UI_STEPS.items():
        message = message.replace(command, f"{step} ({command})")
    return message
