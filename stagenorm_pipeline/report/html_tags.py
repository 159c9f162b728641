"""HTML and SVG elements as a type of their own, so that text which was not escaped cannot become markup."""

from html import escape
from typing import Final

_VOID: Final = frozenset({"meta"})


class Html(str):
    """Markup. Only `tag` and `joined` make it, so all text inside went through `escape`."""

    __slots__ = ()


def tag(name: str, /, *children: Html | str, **attributes: str) -> Html:
    """An element. Children that are not Html are text and are escaped, attribute values always.

    Names of elements and attributes are ours, never the data's: `class_` is written class, `stroke_width` stroke-width.
    """
    written = "".join(f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"' for key, value in attributes.items())
    if name in _VOID:
        return Html(f"<{name}{written}>")
    return Html(f"<{name}{written}>{joined(*children)}</{name}>")


def joined(*children: Html | str) -> Html:
    """Several pieces as one, text among them escaped."""
    return Html("".join(child if isinstance(child, Html) else escape(child) for child in children))
