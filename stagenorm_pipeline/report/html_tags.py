"""Build HTML and SVG elements as their own type, so that unescaped text cannot become markup."""

from html import escape
from typing import Final

_VOID: Final = frozenset({"meta"})


class Html(str):
    """Markup. Only `tag` and `joined` create it, so all text in it is escaped."""

    __slots__ = ()


def tag(name: str, /, *children: Html | str, **attributes: str) -> Html:
    """Build an element. Children that are not Html are escaped, and so are all attribute values.

    Names of elements and attributes never come from the data. `class_` becomes class, `stroke_width` stroke-width.
    """
    written = "".join(f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"' for key, value in attributes.items())
    if name in _VOID:
        return Html(f"<{name}{written}>")
    return Html(f"<{name}{written}>{joined(*children)}</{name}>")


def joined(*children: Html | str) -> Html:
    """Join pieces of markup and text; the text is escaped."""
    return Html("".join(child if isinstance(child, Html) else escape(child) for child in children))
