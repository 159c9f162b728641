"""What the engine's sentences tell a person to do, in the words of the pages: many who read them have no terminal.

The command stays beside it, since it is the same work. Does not belong here: what the sentences say.
"""

from typing import Final

_ON_THE_PAGES: Final = {
    "`stagenorm inventory`": "stage_inventory",
    "`stagenorm run`": "materializing batch_plan and then normalized_stages",
    "`stagenorm resume`": "materializing the same funds of normalized_stages again",
    "`stagenorm status`": "the check nothing_waits of batch_plan",
    "`stagenorm rollback`": "rollback_job",
    "--no-lag-check": "no_lag_check in the config",
    "--only-untouched": "only_untouched in the config",
}


def for_pages(sentence: str) -> str:
    """The sentence with, before each command that it names, what does the same in the UI."""
    for command, words in _ON_THE_PAGES.items():
        sentence = sentence.replace(command, f"{words} ({command})")
    return sentence
