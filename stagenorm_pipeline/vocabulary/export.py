"""Export the vocabulary as a look-up for other programs, so that messy spellings stop where they enter.

The SQL form is in `engine/vocabulary_sql.py`. All forms give the same answers: the JSON form has conformance vectors.
"""

import json
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib import resources
from string import Template
from typing import Any, Final

from stagenorm_pipeline.vocabulary.aliases import AliasTable
from stagenorm_pipeline.vocabulary.decisions import KEPT
from stagenorm_pipeline.vocabulary.normalize import STEPS_VERSION, WHITE_SPACE
from stagenorm_pipeline.vocabulary.vocabulary import MeaningKind, Vocabulary

EXPORT_VERSION: Final = 1

# The words of `stagenorm inventory` and of the exported functions.
MEANINGS: Final = {
    MeaningKind.CANONICAL: "canonical",
    MeaningKind.MESSY: "known",
    MeaningKind.KEPT: "kept",
    MeaningKind.UNKNOWN: "unknown",
}
_STEPS: Final = (
    "Replace each run of characters of white_space by one space, and trim spaces from both ends.",
    "If more than longest_alias code points are left, no alias matches.",
    "Apply NFKD, then lower case, then the first step again. Look it up in aliases.",
    "If it is not there, replace each character that folding lists, and look it up in aliases again.",
    f"If no alias matches, look up the spelling itself in decisions, byte for byte. {KEPT} means no stage: it is kept.",
    "A spelling that is one of stages, byte for byte, is canonical. With any other match it is known, else unknown.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    """A spelling, and what every export must say about it."""

    spelling: str
    meaning: str
    stage: str | None


def conformance_vectors(vocabulary: Vocabulary) -> tuple[Vector, ...]:
    """Return spellings that an implementation can get wrong, with the right answers, in a fixed order."""
    return tuple(
        Vector(
            spelling=spelling,
            meaning=MEANINGS[vocabulary.meaning_of(spelling).kind],
            stage=stage if (stage := vocabulary.stage_of(spelling)) is None else str(stage),
        )
        for spelling in dict.fromkeys(_tricky(vocabulary))
    )


def _tricky(vocabulary: Vocabulary) -> Iterator[str]:
    aliases = vocabulary.aliases
    for alias in aliases.stages:
        full_width = "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in alias)
        yield from (alias, alias.upper(), alias.title(), full_width, full_width.upper(), f"\u3000{alias}\x85")
        yield from (alias.replace(" ", "\u00a0\t "), f"{alias}.", f"{alias}\u200b", f"{alias}\u0301", f"\x1f{alias}")
    by_ascii: dict[str, list[str]] = {}
    for code, ascii_ in aliases.folding.items():
        by_ascii.setdefault(ascii_, []).append(chr(code))
    for ascii_, looks in by_ascii.items():
        for alias in (alias for alias in aliases.stages if alias.isascii() and ascii_ in alias):
            yield from (alias.replace(ascii_, one, 1) for one in looks[:3])
            yield from (alias.replace(ascii_, one.upper()) for one in looks[-2:])
    for spelling in vocabulary.decided:
        yield from (spelling, spelling.lower(), spelling.upper(), f" {spelling}")
    yield from (
        "",
        " ",
        *WHITE_SPACE,
        "__proto__",
        "constructor",
        "seriesc",
        "series \u0412",
        "Seed Round",
        "se\u0301ed",
    )
    yield from ("$stagenorm$", "'; --", "\\", "\u212aeed", "s" * 200, "seed" + " " * 500, "\U0001f331", "se\ufeffed")


def lookup_json(vocabulary: Vocabulary) -> str:
    """Return the vocabulary as a JSON document: the data, the steps of the look-up, and conformance vectors."""
    aliases = vocabulary.aliases
    document: dict[str, Any] = {
        "export_version": EXPORT_VERSION,
        "kind": "vocabulary",
        "vocabulary_version": vocabulary.version,
        "stages": list(vocabulary.canonical),
        "steps_version": STEPS_VERSION,
        "steps": list(_STEPS),
        "white_space": list(WHITE_SPACE),
        "longest_alias": aliases.longest,
        "aliases": dict(aliases.stages),
        "folding": _folding(aliases),
        "decisions": decided(vocabulary),
        "vectors": [asdict(vector) for vector in conformance_vectors(vocabulary)],
    }
    return json.dumps(document, indent=2) + "\n"


def lookup_typescript(vocabulary: Vocabulary) -> str:
    """Return the vocabulary as a TypeScript module without imports."""
    aliases = vocabulary.aliases
    template = resources.files("stagenorm_pipeline.vocabulary").joinpath("lookup.ts.template").read_text("utf-8")
    return Template(template).substitute(
        version=vocabulary.version,
        stages=json.dumps(list(vocabulary.canonical)),
        aliases=_pairs(aliases.stages),
        folding=_pairs(_folding(aliases)),
        decisions=_pairs(decided(vocabulary)),
        kept=KEPT,
        white_space="".join(f"\\u{{{ord(one):x}}}" for one in WHITE_SPACE),
        longest=aliases.longest,
    )


def decided(vocabulary: Vocabulary) -> dict[str, str]:
    """Return the choice for each decided spelling: a stage, or `leave-as-is`."""
    return {spelling: str(entry.choice) for spelling, entry in sorted(vocabulary.decided.items())}


def lower_case_of(aliases: AliasTable) -> dict[str, str]:
    """Return each character with a lower case that an alias can contain, with that lower case.

    For languages whose lower case depends on a locale. After NFKD no other character can become part of an alias.
    """
    wanted = {*"".join(aliases.stages), *map(chr, aliases.folding)}
    upper = {variant for one in wanted for variant in (one.upper(), one.title()) if variant != one}
    return {one: one.lower() for one in sorted(upper) if len(one) == 1 and unicodedata.normalize("NFKD", one) == one}


def _folding(aliases: AliasTable) -> dict[str, str]:
    return {chr(code): ascii_ for code, ascii_ in aliases.folding.items()}


def _pairs(mapping: Mapping[str, str]) -> str:
    return "[\n" + "".join(f"  {json.dumps(pair)},\n" for pair in _lists(mapping.items())) + "]"


def _lists(pairs: Iterable[tuple[str, str]]) -> Iterator[list[str]]:
    yield from (list(pair) for pair in pairs)
