"""Read the reviewed list of words that change nothing about a round."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType


@cache
def harmless_words() -> Mapping[str, str]:
    """Return each harmless word with the reason why it is one. The file is read once."""
    text = resources.files("stagenorm_pipeline.vocabulary").joinpath("harmless_words.toml").read_text(encoding="utf-8")
    words: dict[str, str] = tomllib.loads(text)["words"]
    return MappingProxyType(words)
