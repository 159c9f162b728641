"""Look up spellings in the built-in aliases of `aliases.toml`."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType

from stagenorm_pipeline.vocabulary.normalize import collapse, fold, normalize
from stagenorm_pipeline.vocabulary.stages import Stage


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class AliasTable:
    """The stage of each normalized alias, and the folding (code point -> ASCII) for the second look-up."""

    stages: Mapping[str, Stage]
    folding: Mapping[int, str]
    longest: int

    def stage_of(self, spelling: str) -> Stage | None:
        """Return the stage that the aliases give a spelling, or None for an unknown one."""
        # This bounds the time below: NFKD alone takes hours on 1 MB of combining marks in the wrong order. NFKD and
        # lower case never make a text shorter, so a text that is too long now is longer than every alias.
        text = collapse(spelling)
        if len(text) > self.longest:
            return None
        text = normalize(text)
        return self.stages.get(text) or self.stages.get(fold(text, self.folding))


@cache
def built_in_aliases() -> AliasTable:
    """Return the table of the package. The file is read once."""
    text = resources.files("stagenorm_pipeline.vocabulary").joinpath("aliases.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    stages = {alias: Stage(stage) for stage, aliases in data["aliases"].items() for alias in aliases}
    folding = {ord(looks): ascii_ for ascii_, folded in data["folding"].items() for looks in folded}
    return AliasTable(stages=MappingProxyType(stages), folding=MappingProxyType(folding), longest=max(map(len, stages)))
