"""Shorten the names of targets for people: `portfoliocompanies` where no other target has that table name."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Final

# From the shortest form on. A name is (schema, table, column).
_FORMS: Final[tuple[Callable[[tuple[str, str, str]], str], ...]] = (
    lambda name: name[1],
    lambda name: f"{name[1]}.{name[2]}",
    lambda name: f"{name[0]}.{name[1]}",
)


def short_names(names: Iterable[str]) -> Mapping[str, str]:
    """Return the shortest form of each `schema.table.column` that no other of the names has.

    A name with other parts, such as a table with a dot in its name, stays as it is.
    """
    listed = list(dict.fromkeys(names))
    parts = {name: _parts(name) for name in listed}
    shortest = {name: name for name in listed}
    for form in reversed(_FORMS):
        formed = {name: form(found) for name, found in parts.items() if found is not None}
        counts = Counter([*formed.values(), *(name for name in listed if name not in formed)])
        shortest |= {name: short for name, short in formed.items() if counts[short] == 1}
    return shortest


def _parts(name: str) -> tuple[str, str, str] | None:
    """Return schema, table and column; None for a name with other parts."""
    match name.split("."):
        case [schema, table, column] if schema and table and column:
            return schema, table, column
        case _:
            return None
