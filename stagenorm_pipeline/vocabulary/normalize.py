"""The steps that bring a spelling into the form in which aliases are written. What an alias means is not known here.

Invisible characters (zero-width spaces and joiners, bidirectional marks, soft hyphens, variation selectors) are no
white space and are not removed: a spelling that holds one is unknown until a person decides. The same goes for the
separators U+001C to U+001F, which Python calls white space and Unicode does not.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

# Part of the vocabulary's version: raise it when a step below changes what any spelling means. Python's Unicode data
# is left out of the version: a newer one can only know characters that were unassigned and unknown before, and a
# plan carries its own spellings, so two machines with different Pythons may share a plan.
STEPS_VERSION: Final = 1

# The Unicode property White_Space, all 25 of it.
WHITE_SPACE: Final = (
    "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
)
_WHITE_SPACE_RUN: Final = re.compile(f"[{WHITE_SPACE}]+")


def collapse(text: str) -> str:
    """`text` with each run of white space as one space and none at either end, in linear time."""
    return _WHITE_SPACE_RUN.sub(" ", text).strip(" ")


def normalize(text: str) -> str:
    """`text` after NFKD, lower case, white space collapsed and trimmed.

    Normalizing twice is normalizing once, with no step repeated: NFKD comes first, so that no character is left whose
    lower case is longer than itself or decomposes again, lower case keeps each mark's place in the canonical order,
    and a space that goes takes no part in that order. The tests go through every code point to hold this.

    Time grows with the square of the length in runs of combining marks (NFKD sorts them): bound the length before.
    """
    return collapse(unicodedata.normalize("NFKD", text).lower())


def fold(normalized: str, folding: Mapping[int, str]) -> str:
    """A normalized text with dashes and look-alike letters read as the ASCII characters that `folding` gives."""
    return normalized.translate(folding)
