"""Write values from the data as words of a shell command that can be copied, whatever the values hold."""

import shlex

from stagenorm_pipeline.report.escape import for_terminal

_PLAIN_BYTES = frozenset(range(0x20, 0x7F)) - set(b"'\\")


def shell_word(text: str) -> str:
    """Return one word for bash or zsh. A text that does not show as it is becomes `$'...'` with escaped bytes."""
    if for_terminal(text, limit=len(text)) == text:
        return shlex.quote(text)
    escaped = (chr(byte) if byte in _PLAIN_BYTES else f"\\x{byte:02x}" for byte in text.encode("utf-8", "replace"))
    return f"$'{''.join(escaped)}'"
