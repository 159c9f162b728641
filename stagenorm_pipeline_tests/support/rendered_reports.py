"""Parse rendered reports: the inline tokens of Markdown, and the tags, attributes and text of HTML."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

from markdown_it import MarkdownIt
from markdown_it.token import Token

# Renderers of GitHub's dialect make links or pictures of these wherever they stand in plain text, escaped or not.
# Two digits between colons are the minutes of a time, and no emoji.
_LINKED_BY_ITSELF = re.compile(r"https?:|www\.|ftp:|mailto:|xmpp:|\S@\S|:(?!\d\d:)[\w+-]+:", re.IGNORECASE)

_WITHIN_A_LINE = {"bdi", "code", "span"}


def renderer() -> MarkdownIt:
    """A renderer of GitHub's dialect that lets every link and image through: it does not do our work for us."""
    markdown = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    markdown.validateLink = lambda url: True  # type: ignore[method-assign]  # noqa: ARG005
    return markdown


def inline_tokens(page: str) -> list[Token]:
    """All inline tokens of a Markdown page."""
    return [child for token in renderer().parse(page) for child in token.children or ()]


def is_inert(token: Token) -> bool:
    """Whether a token is a code span, or a text in which no renderer finds a link."""
    if token.type == "text":
        return _LINKED_BY_ITSELF.search(token.content) is None
    return token.type in {"code_inline", "softbreak"}


@dataclass(kw_only=True)
class ReadHtml(HTMLParser):
    """The tags in order, their attributes, and the text between them."""

    tags: list[str] = field(default_factory=list)
    attributes: list[tuple[str, str | None]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in _WITHIN_A_LINE:
            self.texts.append("\n")

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    @property
    def text(self) -> str:
        return "".join(self.texts)


def read_html(page: str) -> ReadHtml:
    reader = ReadHtml()
    reader.feed(page)
    reader.close()
    return reader
