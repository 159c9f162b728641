"""Write the vocabulary as SQL functions that need no table, for the application's own checks."""

import json
from collections.abc import Mapping
from typing import Final

from psycopg import sql

from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.vocabulary import KEPT, Vocabulary
from stagenorm_pipeline.vocabulary.export import decided, lower_case_of
from stagenorm_pipeline.vocabulary.normalize import WHITE_SPACE

_HEADER: Final = """\
-- What each spelling of an investment stage means. Written by: stagenorm vocabulary export --format sql
-- Vocabulary version {version}. Do not edit: change the decisions file or stagenorm.toml, and export again.
-- Needs a database in UTF-8. Creates two functions in the first schema of the search path.
"""


def lookup_sql(vocabulary: Vocabulary) -> str:
    """Return a script that creates `stagenorm_stage_of(text)` and `stagenorm_meaning_of(text)`."""
    aliases = vocabulary.aliases
    lower = lower_case_of(aliases)
    choices = {"decisions": _object(decided(vocabulary)), "kept": sql.Literal(KEPT)}
    stage_of = statement(
        "vocabulary/stage_of",
        aliases=_object(aliases.stages),
        look_alikes=_text("".join(map(chr, aliases.folding))),
        ascii=_text("".join(aliases.folding.values())),
        white_space=_text(WHITE_SPACE),
        spaces=_text(" " * len(WHITE_SPACE)),
        upper=_text("".join(lower)),
        lower=_text("".join(lower.values())),
        longest=sql.Literal(aliases.longest),
        **choices,
    )
    stages = _object(dict.fromkeys(vocabulary.canonical, ""))
    meaning_of = statement("vocabulary/meaning_of", stages=stages, **choices)
    return "\n".join([_HEADER.format(version=vocabulary.version), stage_of, "", meaning_of, ""])


def _object(mapping: Mapping[str, str]) -> sql.SQL:
    """Return a mapping as a JSON text in SQL quotes. A dollar sign would end the function's body."""
    text = json.dumps(dict(mapping)).replace("$", "\\u0024").replace("'", "\\u0027")
    return sql.SQL(f"'{text}'")


def _text(text: str) -> sql.SQL:
    """Return a text in ASCII: what is not plain is written as an escape."""
    plain = (one if (one.isalnum() and one.isascii()) or one in " +-" else f"\\U{ord(one):08x}" for one in text)
    return sql.SQL(f"E'{''.join(plain)}'")
