"""Which canonical stages there are, and more aliases for them: `[vocabulary]` in stagenorm.toml."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import ConfigDict, Field

_Text = Annotated[str, Field(strict=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class VocabularySettings:
    """`stages`: all canonical stages in the order of the rounds; empty: the built-in ones. `aliases`: more of them."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    stages: Annotated[
        tuple[_Text, ...],
        Field(description="a list of stages in quotes", examples=['stages = ["pre-seed", "seed", "series-a"]']),
    ] = ()
    aliases: Annotated[
        Mapping[str, tuple[_Text, ...]],
        Field(description="a table with a list of aliases for each stage", examples=['series-d = ["series d"]']),
    ] = field(default_factory=dict)
