"""Normalize a spelling to the form in which aliases are written.

Invisible characters (zero-width spaces and joiners, bidirectional marks, soft hyphens, variation selectors) are not
white space and stay: a spelling that contains one is unknown until a person decides. The separators U+001C to U+001F
stay too: Python calls them white space, Unicode does not.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

# Part of the vocabulary's version: raise it when a step below changes the meaning of any spelling. The version does not
# cover Python's Unicode data: newer data only adds characters that were unassigned before. A plan records its own
# spellings, so two machines with different Pythons can share a plan.
STEPS_VERSION: Final = 1

# All 25 characters with the Unicode property White_Space.
WHITE_SPACE: Final = (
    "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
)
_WHITE_SPACE_RUN: Final = re.compile(f"[{WHITE_SPACE}]+")


def collapse(text: str) -> str:
    """Replace each run of white space by one space, and trim both ends, in linear time."""
    return _WHITE_SPACE_RUN.sub(" ", text).strip(" ")


def normalize(text: str) -> str:
    """Apply NFKD and lower case, then collapse and trim white space.

    Normalizing a normalized text changes nothing. NFKD comes first: after it, no character has a lower case that is
    longer or that decomposes again. Lower case keeps the canonical order of combining marks, and spaces do not affect
    it. A test checks every code point.

    Limit the length of `text` first: NFKD sorts runs of combining marks in quadratic time.
    """
    return collapse(unicodedata.normalize("NFKD", text).lower())


def fold(normalized: str, folding: Mapping[int, str]) -> str:
    """Replace dashes and look-alike letters by the ASCII characters of `folding`."""
    return normalized.translate(folding)
