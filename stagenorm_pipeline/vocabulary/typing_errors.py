"""Find words that are typing errors of more frequent words in the same list."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Final

# A shorter word easily becomes another word: "debt" and "dept", "seed" and "feed". A longer one is no stage.
_SHORTEST: Final = 5
_LONGEST: Final = 20


def corrections(spellings: Iterable[tuple[tuple[str, ...], int]]) -> Mapping[str, tuple[str, ...]]:
    """Return the words to read instead of each mistyped word. `spellings`: the words of each spelling, and its rows.

    A word is mistyped if a word with more rows is one edit away (a letter too many, missing, wrong, or two swapped), or
    if two or more words of another spelling make it without the space between them.
    """
    rows: dict[str, int] = defaultdict(int)
    joined: dict[str, tuple[str, ...]] = {}
    for words, count in spellings:
        for word in words:
            rows[word] += count
        for parts in (words, *pairwise(words)):
            if len(parts) > 1 and all(map(str.isalpha, parts)):
                joined.setdefault("".join(parts), parts)
    corrected = {word: joined[word] for word in rows if word in joined}
    return corrected | {word: (meant,) for word, meant in _one_edit_away(rows) if word not in corrected}


def _one_edit_away(rows: Mapping[str, int]) -> Iterable[tuple[str, str]]:
    # Imported here: it costs 60 ms at start-up, and most commands never need it.
    from rapidfuzz.distance import OSA

    # Two words one edit apart have a text in common if each may lose one letter. So no word meets all others.
    near: dict[str, list[str]] = defaultdict(list)
    candidates = (word for word in rows if word.isalpha() and _SHORTEST <= len(word) <= _LONGEST)
    for word in sorted(candidates, key=lambda word: (-rows[word], word)):
        variants = {word, *(word[:at] + word[at + 1 :] for at in range(len(word)))}
        close = (other for variant in variants for other in near[variant] if OSA.distance(word, other) == 1)
        meant = max(close, key=lambda other: (rows[other], other), default=None)
        if meant is not None and rows[meant] > rows[word]:
            yield word, meant
            continue
        for variant in variants:
            near[variant].append(word)
