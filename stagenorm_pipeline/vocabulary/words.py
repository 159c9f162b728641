"""Split a spelling into words, for suggestions, proposals and clusters. Matching never uses this: it is exact."""

import re
import unicodedata
from functools import cache, lru_cache
from typing import Final

from stagenorm_pipeline.vocabulary.aliases import built_in_aliases
from stagenorm_pipeline.vocabulary.harmless_words import harmless_words
from stagenorm_pipeline.vocabulary.normalize import collapse, fold, normalize
from stagenorm_pipeline.vocabulary.stages import Stage

# The time to compare two texts grows with the product of their lengths. No stage name is longer than this.
COMPARED_CHARACTERS: Final = 200

# A sign that is not a plain separator can change the meaning: ">= Seed Round", "Seed?", "Series A & B".
_WORD: Final = re.compile(r"""[^\W\d_]+|\d+|[^\w\s\-./,:;()\[\]'"]""")
# Cyrillic VE and SOFT SIGN: too uncertain for the aliases, but good enough for a suggestion.
_LOOKS_LIKE_B: Final = {0x432: "b", 0x44C: "b"}


# Suggestions, proposals and clusters each ask for the words of the same spellings: 20,000 at most.
@lru_cache(maxsize=32_768)
def words_of(spelling: str) -> tuple[str, ...]:
    """Return the words, numbers and signs of a spelling in their order, normalized and with look-alikes folded."""
    text = normalize(collapse(spelling)[:COMPARED_CHARACTERS])
    # Control characters, invisible characters and combining marks separate and add nothing.
    text = "".join(character for character in text if unicodedata.category(character)[0] not in "CM")
    return tuple(_WORD.findall(fold(text, {**built_in_aliases().folding, **_LOOKS_LIKE_B})))


def core_words(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return the words that can change the meaning, sorted. All of them if every one is harmless ("Funding Round")."""
    return tuple(sorted(word for word in words if word not in harmless_words())) or tuple(sorted(words))


@cache
def alias_words() -> dict[tuple[str, ...], tuple[str, Stage]]:
    """Return a mapping from the words of each alias to its first alias in the table and its stage."""
    known: dict[tuple[str, ...], tuple[str, Stage]] = {}
    for alias, stage in built_in_aliases().stages.items():
        known.setdefault(tuple(_WORD.findall(alias)), (alias, stage))
    return known
