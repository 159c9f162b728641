r"""Make text from the data harmless and still recognizable in each format of a report.

A *value* (a spelling, an id, a name) is shown unambiguously. Characters without a visible shape are written as YAML
escapes, so that you can paste a quoted value into the decisions file. So are characters that look like ASCII: without
the escape, `series\u2011b` would look the same as `series-b`.
A *sentence* is written by stagenorm but may quote the data. Its words stay as they are, with the same guards.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from markupsafe import Markup

VALUE_SHOWN: Final = 80
SENTENCE_SHOWN: Final = 600

_NAMED_ESCAPES: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\"}
# Fillers, the Braille blank, joiners and variation selectors: "printable" in Unicode, but invisible.
_UNSEEN: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
# Enough for the accents of living scripts. A stack of them would cover the lines around it.
_MARKS_ON_A_LETTER: Final = 2
# Escaped in a value, because a quote would end it and a backslash would look like an escape.
_VALUE_BREAKERS: Final = '"\\'
# A pipe ends a table cell and a backtick a code span, and renderers disagree on how to escape either inside the other.
_MARKDOWN_BREAKERS: Final = "|`"

_OPENING, _CLOSING, _ENDING = "(\"'", ")\"'", ".,;:!?…"
# Words and signs that every Markdown renderer shows as they are. A dot or colon in a word could start a link or emoji.
_PLAIN_WORD: Final = re.compile(
    rf"[{_OPENING}]*(?=[^\W_])(?!\S*(?i:www)\b)(?:[^\W_]|[-+/%,'…()]|(?<=\d)\.(?=\d))+[{_CLOSING}]*[{_ENDING}]*"
    rf"|[{_OPENING}]*[{_CLOSING}{_ENDING}]*|[→–—✓⚠✗]"  # noqa: RUF001
)
_DRESSED_WORD: Final = re.compile(rf"([{_OPENING}]*)(.*?)([{_CLOSING}]*[{_ENDING}]*)")
_LIST_NUMBER: Final = re.compile(r"\d+[.)]")


def for_terminal(text: str, *, quote: bool = False, limit: int = VALUE_SHOWN) -> str:
    """Show a value in a terminal. With `quote` always in quotes, otherwise only where it could be misread.

    Guards against escape sequences (C0, C1, DEL), carriage returns and backspaces that overwrite text, line breaks that
    forge a line of output, bidirectional marks that reorder it, and invisible characters.
    """
    return _value(text, limit, _VALUE_BREAKERS, quote=quote)


def for_markdown(text: str, *, quote: bool = False, limit: int = VALUE_SHOWN) -> str:
    r"""Show a value in Markdown as a code span that is safe in a table cell, in Dagster and on GitHub.

    A code span disables HTML, links, images, emphasis, entities, emojis, mentions and formulas. Backslashes are not
    enough: renderers link bare addresses after removing them. Pipes and backticks could end the cell or
    the span, so they show as `\x7c` and `\x60`. Line breaks would end the row, so they show as `\n`.
    """
    return f"`{_value(text, limit, _VALUE_BREAKERS + _MARKDOWN_BREAKERS, quote=quote)}`"


def for_html(text: str, *, quote: bool = False, limit: int = VALUE_SHOWN) -> Markup:
    """Show a value as an HTML element.

    Guards against markup (escaped, with quotes) and against right-to-left text that reorders its surroundings (isolated
    in <bdi>). HTML forbids or drops control characters, so they show as escapes.
    """
    return Markup("<bdi><code>{}</code></bdi>").format(_value(text, limit, _VALUE_BREAKERS, quote=quote))


def sentence_for_terminal(text: str, *, limit: int = SENTENCE_SHOWN) -> str:
    """Show a sentence on one line, guarded like a value. Quotes and backslashes stay as they are."""
    shown, is_cut = _shown(text, limit)
    return shown + _length_of(text) if is_cut else shown


def sentence_for_markdown(text: str) -> str:
    """Show a sentence in Markdown. Words that Markdown could interpret and text in backticks become code spans."""
    parts = re.split(r"`([^`]*)`", sentence_for_terminal(text))
    sentence = "".join(
        _code_span(part) if number % 2 else " ".join(map(_markdown_word, part.split(" ")))
        for number, part in enumerate(parts)
    ).strip()
    first, _, remaining = sentence.partition(" ")
    return f"{_code_span(first)} {remaining}".strip() if _LIST_NUMBER.fullmatch(first) else sentence


def command_for_markdown(command: str) -> str:
    """Show a command in Markdown as a code span, guarded like a sentence."""
    return _code_span(sentence_for_terminal(command))


def sentence_for_html(text: str) -> Markup:
    """Show a sentence in HTML, isolated from the text direction around it. Text between backticks becomes code."""
    parts = re.split(r"`([^`]*)`", sentence_for_terminal(text))
    pieces = (Markup("<code>{}</code>").format(part) if number % 2 else part for number, part in enumerate(parts))
    # `join` of Markup escapes the pieces that are plain text.
    return Markup('<bdi dir="ltr">{}</bdi>').format(Markup("").join(pieces))


def _value(text: str, limit: int, breakers: str, *, quote: bool) -> str:
    shown, is_cut = _shown(text, limit, breakers)
    as_it_is = shown == text and text != "" and text == text.strip(" ")
    if as_it_is and not quote:
        return text
    return f'"{shown}"{_length_of(text)}' if is_cut else f'"{shown}"'


def _length_of(text: str) -> str:
    return f"… ({len(text):,} characters)"


def _shown(text: str, limit: int, breakers: str = "") -> tuple[str, bool]:
    """Return at most `limit` shown characters of `text`, with whole escapes only, and whether it was cut."""
    pieces: list[str] = []
    length = 0
    beginning = text[:limit]
    if breakers:
        breakers += _looking_like_ascii(beginning)
    for piece in _pieces(beginning, breakers):
        length += len(piece)
        if length > limit:
            break
        pieces.append(piece)
    return "".join(pieces), len(pieces) < len(text)


def _looking_like_ascii(text: str) -> str:
    """Find characters beside Latin letters that the aliases read as ASCII: dashes, letters of other scripts."""
    if text.isascii() or not any(character.isascii() and character.isalpha() for character in text):
        return ""
    # Imported here because every command imports this module, and the vocabulary takes the longest to load.
    from stagenorm_pipeline.vocabulary.aliases import built_in_aliases
    from stagenorm_pipeline.vocabulary.normalize import normalize

    folding = built_in_aliases().folding
    read = {character: normalize(character) for character in set(text) if not character.isascii()}
    return "".join(character for character, one in read.items() if len(one) == 1 and ord(one) in folding)


def _pieces(text: str, breakers: str) -> Iterator[str]:
    """Yield what shows of each character. In a value (`breakers`) a second space is escaped: HTML folds spaces."""
    marks, last = _MARKS_ON_A_LETTER, ""
    for character in text:
        category = unicodedata.category(character)
        marks = marks + 1 if category.startswith("M") else 0 if category.startswith("L") else _MARKS_ON_A_LETTER
        is_seen = character.isprintable() and not _UNSEEN.match(character)
        is_folded = bool(breakers) and character == last == " "
        is_stacked = category.startswith("M") and marks > _MARKS_ON_A_LETTER
        plain = is_seen and not is_folded and not is_stacked and character not in breakers
        yield character if plain else _escape(character)
        last = character


def _escape(character: str) -> str:
    if character in _NAMED_ESCAPES:
        return _NAMED_ESCAPES[character]
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _markdown_word(word: str) -> str:
    if not word or _PLAIN_WORD.fullmatch(word):
        return word
    if (dressed := _DRESSED_WORD.fullmatch(word)) and dressed[2]:
        return f"{dressed[1]}{_code_span(dressed[2])}{dressed[3]}"
    return _code_span(word)


def _code_span(text: str) -> str:
    safe = "".join(_escape(character) if character in _MARKDOWN_BREAKERS else character for character in text)
    return f"`{safe}`" if safe else ""
