"""What escaping promises for any text at all, not for the examples somebody thought of."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from stagenorm_pipeline.report.escape import (
    SENTENCE_SHOWN,
    VALUE_SHOWN,
    for_html,
    for_markdown,
    for_terminal,
    sentence_for_html,
    sentence_for_markdown,
    sentence_for_terminal,
)
from stagenorm_pipeline.vocabulary.aliases import built_in_aliases
from stagenorm_pipeline_tests.support.rendered_reports import inline_tokens, is_inert, read_html, renderer
from stagenorm_pipeline_tests.support.report_results import HOSTILE, MEGABYTE

ANY_TEXT = st.text(st.characters(codec=None)) | st.sampled_from(HOSTILE)
STORABLE_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"))
# What Markdown, a terminal or HTML might act on, far more often than chance would have it.
SHARP_TEXT = st.lists(
    st.sampled_from([*"a1 .:/@#|`[]()<>!*_~&;{}$\\\"'\n\r\t\x1b\u202e", "www.", "http://", ":x:", "  "])
).map("".join)


@given(ANY_TEXT | SHARP_TEXT)
def test_terminal_output_has_no_control_characters(text: str) -> None:
    assert for_terminal(text).isprintable()
    assert sentence_for_terminal(text).isprintable()


@given(STORABLE_TEXT | SHARP_TEXT)
def test_a_quoted_value_means_the_same_in_the_decisions_file(text: str) -> None:
    assert yaml.safe_load(for_terminal(text, quote=True, limit=10_000)) == text


@given(STORABLE_TEXT | SHARP_TEXT, STORABLE_TEXT | SHARP_TEXT)
def test_two_values_never_look_alike(one: str, other: str) -> None:
    assert (for_terminal(one, limit=10_000) == for_terminal(other, limit=10_000)) == (one == other)


# Those after the first are read as one of the first by NFKD.
@pytest.mark.parametrize("looks", [*sorted(map(chr, built_in_aliases().folding)), "\u2011", "\u207b", "\ufe58"])
def test_lookalikes_beside_latin_letters_are_escaped(looks: str) -> None:
    for text in (f"series{looks}b", f"SERIES{looks.upper()}B"):
        assert for_terminal(text).isascii()
        assert yaml.safe_load(for_terminal(text, quote=True)) == text
    if looks.isprintable():
        assert for_terminal(f"Серия {looks}", quote=True) == f'"Серия {looks}"'


@given(ANY_TEXT | SHARP_TEXT)
def test_a_value_in_markdown_is_one_code_span_in_one_cell(text: str) -> None:
    page = f"| a | b |\n| --- | --- |\n| {for_markdown(text)} | end |"
    tokens = renderer().parse(page)
    cells = [token.children for token in tokens if token.type == "inline"]
    assert len(cells) == 4
    value, end = cells[2:]
    assert value is not None
    assert [token.type for token in value] == ["code_inline"]
    assert end is not None
    assert end[0].content == "end"


@given(ANY_TEXT | SHARP_TEXT)
def test_markdown_sentence_holds_only_words_and_code_spans(text: str) -> None:
    page = f"| a | b |\n| --- | --- |\n| {sentence_for_markdown(text)} | end |\n\n{sentence_for_markdown(text)}"
    tokens = renderer().parse(page)
    blocks = {token.type.removesuffix("_open").removesuffix("_close") for token in tokens}
    assert blocks <= {"table", "thead", "tbody", "tr", "th", "td", "paragraph", "inline"}
    assert [token for token in inline_tokens(page) if not is_inert(token)] == []
    assert page.splitlines()[2].count("|") == 3


@given(ANY_TEXT | SHARP_TEXT)
def test_a_value_and_a_sentence_in_html_bring_no_tags(text: str) -> None:
    assert read_html(for_html(text)).tags == ["bdi", "code"]
    assert set(read_html(sentence_for_html(text)).tags) <= {"bdi", "code"}


@given(STORABLE_TEXT | SHARP_TEXT)
def test_html_shows_a_value_as_the_terminal_does(text: str) -> None:
    assert read_html(for_html(text)).text == for_terminal(text)


@pytest.mark.parametrize(
    "character", ["\x1b", "\x9b", "\x7f", "\r", "\u202e", "\u2066", "\u200b", "\ufeff", "\u2028", "\u3164"]
)
def test_a_character_without_a_shape_shows_as_its_code(character: str) -> None:
    assert yaml.safe_load(shown := for_terminal(f"a{character}b")) == f"a{character}b"
    assert shown.isascii()


def test_spaces_at_the_edges_and_in_a_row_are_seen() -> None:
    assert for_terminal("Series A ") == '"Series A "'
    assert for_terminal("Series A") == "Series A"
    assert for_terminal("Series  A") == r'"Series \x20A"'
    assert for_terminal("") == '""'


def test_stacked_accents_are_escaped() -> None:
    assert for_terminal("Se\u0301rie A") == "Se\u0301rie A"
    assert for_terminal("Z" + "\u0301" * 40).count("\u0301") == 2


def test_a_long_value_is_cut_and_says_how_long_it_was() -> None:
    assert len(MEGABYTE) > 1_000_000
    assert for_terminal("x" * 1_048_576).endswith('xxx"… (1,048,576 characters)')
    for shown in (for_terminal(MEGABYTE), for_markdown(MEGABYTE), for_terminal("\U000e0001" * 1_000)):
        assert len(shown) < VALUE_SHOWN + 40
    assert len(sentence_for_terminal(MEGABYTE)) < SENTENCE_SHOWN + 40


def test_a_sentence_keeps_its_words_and_its_commands() -> None:
    text = "Run `stagenorm decisions`, then `stagenorm run` (2 of 12 fund(s), 4.5 s)."
    assert sentence_for_terminal(text) == text
    assert sentence_for_markdown(text) == text
    assert str(sentence_for_html("Run `a < b`.")) == '<bdi dir="ltr">Run <code>a &lt; b</code>.</bdi>'


@pytest.mark.parametrize(
    "start", ["1. a", "12) a", "- a", "+ a", "# a", "> a", "---", "===", "    a", "```", "<div>", "[^1]: a"]
)
def test_a_sentence_starts_no_list_heading_quote_or_code_block(start: str) -> None:
    tokens = renderer().parse(sentence_for_markdown(start))
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]


@pytest.mark.parametrize(
    "link", ["http://x.example", "www.x.example", "me@x.example", "WWW", "0WWW", "#12", "@who", "x.example"]
)
def test_a_word_that_a_renderer_could_link_is_set_as_code(link: str) -> None:
    assert sentence_for_markdown(f"see {link}, then") == f"see `{link}`, then"
