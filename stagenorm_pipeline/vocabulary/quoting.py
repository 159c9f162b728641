"""A text from the data on one harmless line: in the decisions file, in its comments and in messages."""

from typing import Final

_SHOWN_CHARACTERS: Final = 60


def escaped(text: str) -> str:
    """`text` with quotes, backslashes and everything that is not printable as YAML's escapes.

    Line breaks, control characters, bidirectional marks, zero-width and no-break spaces all show as escapes, so that
    a reader sees them and neither a terminal nor a YAML comment is broken out of.
    """
    if text.isprintable() and '"' not in text and "\\" not in text:
        return text
    return "".join(map(_escaped_character, text))


def quoted(text: str) -> str:
    """`text` as a YAML double-quoted scalar on one line, which reads back as the same text."""
    return f'"{escaped(text)}"'


def shown(text: str) -> str:
    """`text` quoted for a message, cut where it is long."""
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
