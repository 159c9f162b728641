"""What the Dagster definitions say about the assets: `[dagster]` in stagenorm.toml."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import ConfigDict, Field

from stagenorm_pipeline.config.values import PositiveNumber

# What Dagster accepts, checked here so that the error names the file and the key.
_OWNER = r"^(team:[A-Za-z0-9_\-. ]+|[A-Za-z0-9._%+\-]+@[A-Za-z0-9.\-]+\.[A-Za-z]{2,7})$"


@dataclass(frozen=True, kw_only=True)
class DagsterSettings:
    """The owners of all assets, and the age at which the verification report counts as old (None: never)."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    owners: Annotated[
        tuple[Annotated[str, Field(pattern=_OWNER)], ...],
        Field(
            description="a list of e-mail addresses and teams", examples=['owners = ["team:data", "me@example.com"]']
        ),
    ] = ()
    freshness_hours: PositiveNumber | None = None
