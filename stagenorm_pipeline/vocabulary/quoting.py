"""Quote and escape a spelling for the decisions file, its comments, and messages: one line, no control characters."""

from typing import Final

_SHOWN_CHARACTERS: Final = 60


def escaped(text: str) -> str:
    """Escape quotes, backslashes and every character that is not printable, as YAML does.

    Line breaks, control characters, bidirectional marks, zero-width and no-break spaces become visible escapes. They
    can neither end a YAML comment nor control a terminal.
    """
    if text.isprintable() and '"' not in text and "\\" not in text:
        return text
    return "".join(map(_escaped_character, text))


def quoted(text: str) -> str:
    """Return `text` as a double-quoted YAML scalar on one line. YAML reads the same text back."""
    return f'"{escaped(text)}"'


def shown(text: str) -> str:
    """Return `text` quoted for a message, and cut if it is long."""
    if len(text) <= _SHOWN_CHARACTERS:
        return quoted(text)
    return f"{quoted(text[:_SHOWN_CHARACTERS])}... ({len(text)} characters)"


def _escaped_character(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character.isprintable():
        return character
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02X}"
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"
