"""Add the Dagster UI step to each command that the engine's messages name, for readers without a terminal."""

from typing import Final

_UI_STEPS: Final = {
    "`stagenorm inventory`": "materialize stage_inventory",
    "`stagenorm run`": "materialize batch_plan, then normalized_stages",
    "`stagenorm resume`": "materialize the same funds of normalized_stages again",
    "`stagenorm status`": "open the check no_batch_failed of batch_plan",
    "`stagenorm rollback`": "run rollback_job",
    "`stagenorm unpause`": "run unpause_job",
    "--no-lag-check": "no_lag_check in the config",
    "--only-untouched": "only_untouched in the config",
}


def with_ui_steps(message: str) -> str:
    """Return the message with the UI step after each command that it names.

    The command stays, because the sentence around it may need a noun there.
    """
    for command, step in _UI_STEPS.items():
        message = message.replace(command, f"{command} (in Dagster: {step})")
    return message
