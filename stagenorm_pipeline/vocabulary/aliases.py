"""The canonical stages, their order, and their aliases: those of `aliases.toml`, or those that a fund configures."""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Final

from stagenorm_pipeline.vocabulary.errors import VocabularyError
from stagenorm_pipeline.vocabulary.normalize import collapse, fold, normalize
from stagenorm_pipeline.vocabulary.quoting import shown
from stagenorm_pipeline.vocabulary.stages import Stage

# Plain in YAML, in a spreadsheet's list and in a shell. Lower case, because spellings are looked up in lower case.
STAGE_NAME: Final = re.compile(r"[a-z](?:[a-z0-9+._-]{0,28}[a-z0-9+])?")
# The decisions file, the report and the spreadsheet use these words for something else.
_RESERVED: Final = ("leave-as-is", "keep", "unknown", "other", "null")
_LONGEST_ALIAS: Final = 100


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class AliasTable:
    """The canonical stages in their order, the stage of each normalized alias, and the folding for the second look-up.

    `folding` maps a code point to ASCII.
    """

    canonical: tuple[Stage, ...]
    stages: Mapping[str, Stage]
    folding: Mapping[int, str]
    longest: int

    def stage_of(self, spelling: str) -> Stage | None:
        """Return the stage that the aliases give a spelling, or None for an unknown one."""
        alias = self.alias_of(spelling)
        return None if alias is None else self.stages[alias]

    def alias_of(self, spelling: str) -> str | None:
        """Return the alias that a spelling is after normalizing, else after folding; None for an unknown one."""
        # This bounds the time below: NFKD alone takes hours on 1 MB of combining marks in the wrong order. NFKD and
        # lower case never make a text shorter, so a text that is too long now is longer than every alias.
        text = collapse(spelling)
        if len(text) > self.longest:
            return None
        text = normalize(text)
        return next((found for found in (text, fold(text, self.folding)) if found in self.stages), None)


@cache
def built_in_aliases() -> AliasTable:
    """Return the table of the package. The file is read once."""
    text = resources.files("stagenorm_pipeline.vocabulary").joinpath("aliases.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    stages = {alias: Stage(stage) for stage, aliases in data["aliases"].items() for alias in aliases}
    folding = {ord(looks): ascii_ for ascii_, folded in data["folding"].items() for looks in folded}
    return _table(tuple(map(Stage, data["aliases"])), stages, folding)


def configured_aliases(stages: Sequence[str], aliases: Mapping[str, Sequence[str]]) -> AliasTable:
    """Return the table for other canonical stages, in their order, and more aliases for some of them.

    `stages` empty: the built-in stages. A built-in stage keeps its aliases while it is one of the stages. Raises
    VocabularyError for a name that cannot be a stage, and for an alias that would mean two stages.
    """
    built_in = built_in_aliases()
    canonical = tuple(map(Stage, stages)) or built_in.canonical
    _require_stages(canonical)
    table = {alias: stage for alias, stage in built_in.stages.items() if stage in canonical}
    named = [(stage, str(stage)) for stage in canonical]
    for alias, stage in [*_named(canonical, aliases), *((name, stage) for stage, name in named)]:
        known = table.setdefault(_normalized_alias(alias), stage)
        if known != stage:
            raise VocabularyError(
                f"the alias {shown(alias)} of {stage} means {known} already: remove it from one of them"
            )
    return _table(canonical, table, built_in.folding)


def _table(canonical: tuple[Stage, ...], stages: Mapping[str, Stage], folding: Mapping[int, str]) -> AliasTable:
    return AliasTable(
        canonical=canonical,
        stages=MappingProxyType(dict(stages)),
        folding=MappingProxyType(dict(folding)),
        longest=max(map(len, stages)),
    )


def _require_stages(canonical: tuple[Stage, ...]) -> None:
    for stage in canonical:
        if not STAGE_NAME.fullmatch(stage) or stage in _RESERVED:
            raise VocabularyError(
                f"{shown(stage)} cannot be a stage: use at most 30 lower-case letters, digits and + - . _; begin with "
                f"a letter; end with a letter, a digit or +; and use none of {', '.join(_RESERVED)}"
            )
        if canonical.count(stage) > 1:
            raise VocabularyError(f"the stage {stage} is listed twice: remove one")


def _named(canonical: tuple[Stage, ...], aliases: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, Stage]]:
    for name, texts in aliases.items():
        if name not in canonical:
            raise VocabularyError(f"{shown(name)} has aliases, but is not one of the stages: {', '.join(canonical)}")
        yield from ((text, Stage(name)) for text in texts)


def _normalized_alias(alias: str) -> str:
    text = normalize(alias) if len(alias) <= _LONGEST_ALIAS else ""
    if not text or not text.isprintable():
        raise VocabularyError(f"{shown(alias)} cannot be an alias: use 1 to {_LONGEST_ALIAS} printable characters")
    return text
