"""Strategies that generate spellings, and the table of built-in aliases as the tests expect it."""

from hypothesis import settings
from hypothesis import strategies as st

from stagenorm_pipeline.vocabulary import Decision, Decisions, Stage, Vocabulary
from stagenorm_pipeline.vocabulary.aliases import built_in_aliases
from stagenorm_pipeline.vocabulary.normalize import fold, normalize

# The machine is shared: how long one example takes says nothing here.
unhurried = settings(deadline=None)

TABLE: dict[str, list[str]] = {
    "pre-seed": ["pre-seed", "preseed", "pre_seed", "pre seed"],
    "seed": ["seed"],
    "series-a": ["series-a", "series a", "seriesa", "series_a", "series\u0430"],
    "series-b": ["series-b", "series b", "seriesb", "series_b", "series\u044c"],
    "series-c": ["series-c", "series c", "series_c", "series\u0441"],
    "series-c+": ["series-c+", "series c+", "seriesc+", "series_c+", "series\u0441+"],
}
ROWS = [(alias, Stage(stage)) for stage, aliases in TABLE.items() for alias in aliases]
LOOK_ALIKES = {"a": "\u0430", "c": "\u0441", "d": "\u0501", "e": "\u0435", "i": "\u0456", "p": "\u0440", "s": "\u0455"}
WHITE_SPACE = [*"\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000", *map(chr, range(0x2000, 0x200B))]
DASHES = ["-", "\u2010", "\u2011", "\u2013", "\u2014", "\u2212", "\ufe63", "\uff0d"]

# What a PostgreSQL text can hold.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
# Texts that go near the aliases, which texts at large never do.
near_texts = st.lists(
    st.sampled_from([*"seriabcdp+-_ \u0430\u0441\u0435\u044c\u200b\u0301\u2013\x1f", "series", "seed", "pre", "\u00a0"])
).map("".join)
spellings = st.one_of(texts, near_texts, st.sampled_from([alias for alias, _ in ROWS]))
unknown_spellings = st.one_of(texts, near_texts).filter(
    lambda spelling: Vocabulary.built_in().stage_of(spelling) is None
)


@st.composite
def odd_spellings(draw: st.DrawFn) -> tuple[str, Stage]:
    """An alias in odd case, odd spacing, odd dashes and look-alike letters, and its stage."""
    alias, stage = draw(st.sampled_from(ROWS))
    # With a second look-alike this one is read as the Latin "seriesc", which is unknown on purpose.
    look_alikes = {} if alias == "series\u0441" else LOOK_ALIKES
    space = st.text(st.sampled_from(WHITE_SPACE), min_size=1, max_size=4)
    parts = [draw(st.text(st.sampled_from(WHITE_SPACE), max_size=4))]
    for character in alias:
        if character == " ":
            parts.append(draw(space))
            continue
        forms = [character, character.upper(), look_alikes.get(character, character)]
        forms += DASHES if character == "-" else []
        forms += [chr(ord(character) + 0xFEE0)] if character.isascii() else []  # full-width
        parts.append(draw(st.sampled_from(forms)))
    parts.append(draw(st.text(st.sampled_from(WHITE_SPACE), max_size=4)))
    return "".join(parts), stage


def _look(spelling: str) -> str:
    return fold(normalize(spelling), built_in_aliases().folding)


def _not_blank(text: str) -> str:
    return text if text.strip() else "a loan"


@st.composite
def some_decisions(draw: st.DrawFn) -> Decisions:
    """Any decisions that are valid, undecided entries among them."""
    entries = []
    # Not two that differ in case, white space or dashes alone: these would have to be decided alike.
    for spelling in draw(st.lists(unknown_spellings, unique_by=_look, max_size=6)):
        is_kept = draw(st.booleans())
        entries.append(
            Decision(
                spelling=spelling,
                stage=None if is_kept else draw(st.none() | st.sampled_from(Stage)),
                is_kept=is_kept,
                reason=draw(texts.map(_not_blank)) if is_kept else draw(texts),
                decided_by=draw(texts),
                decided_on=draw(st.none() | st.dates()),
            )
        )
    return Decisions(entries=tuple(entries))
