"""stagenorm.toml as pydantic models: which keys the file may have, and what each may hold.

To add a key: add a field here, or in `throttle`, `pacing`, `verify` or `alerts`. Its description completes the error
message "`key` in [section] must be ...".
"""

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stagenorm_pipeline.config.alerts import AlertSettings
from stagenorm_pipeline.config.auto_batch_size import Pacing
from stagenorm_pipeline.config.dagster_section import DagsterSettings
from stagenorm_pipeline.config.guards import BOUND_PATTERN
from stagenorm_pipeline.config.limits import ApplySection
from stagenorm_pipeline.config.nightly_section import NightlySection
from stagenorm_pipeline.config.throttle import ThrottleSettings
from stagenorm_pipeline.config.validation_errors import in_plain_english
from stagenorm_pipeline.config.values import Name, PositiveWholeNumber
from stagenorm_pipeline.config.verify import VerifySettings
from stagenorm_pipeline.config.vocabulary_section import VocabularySettings
from stagenorm_pipeline.errors import ConfigurationError

DEFAULT_DECISIONS = Path("stage_decisions.yaml")

_Bound = Annotated[str, Field(pattern=BOUND_PATTERN, description='a bound in quotes, such as "> 80"')]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TargetEntry(_Table):
    """One `[[target]]`."""

    table: Name
    column: Name = "stage"
    # `schema` is a method of pydantic's models.
    schema_name: Annotated[Name | None, Field(alias="schema")] = None
    key: Name | None = None
    fund_column: Name = "fund_id"
    example_column: Name | None = None


class GuardEntry(_Table):
    """One `[[guard]]`."""

    name: Name
    query: Annotated[str, Field(description="an SQL query in quotes")]
    throttle_if: _Bound | None = None
    stop_if: _Bound | None = None
    timeout_ms: PositiveWholeNumber = 500


class TrackingSection(_Table):
    """`[tracking]`: the schema of stagenorm's own tables."""

    schema_name: Annotated[Name | None, Field(alias="schema")] = None


@dataclass(frozen=True, kw_only=True)
class ThrottleSection(ThrottleSettings, Pacing):
    """`[throttle]`: the bounds of the throttlers and of `--batch-size auto`."""

    @property
    def settings(self) -> ThrottleSettings:
        return ThrottleSettings(**{entry.name: getattr(self, entry.name) for entry in fields(ThrottleSettings)})

    @property
    def pacing(self) -> Pacing:
        return Pacing(target_ms=self.target_ms, max_rows=self.max_rows)


class TomlFile(_Table):
    """The whole file. Every section may be left out."""

    target: Annotated[tuple[TargetEntry, ...], Field(description="a list of tables", examples=["[[target]]"])] = ()
    vocabulary: Annotated[VocabularySettings, Field(description="a table", examples=["[vocabulary]"])] = (
        VocabularySettings()
    )
    decisions: Annotated[str, Field(description="a path in quotes")] = str(DEFAULT_DECISIONS)
    throttle: Annotated[ThrottleSection, Field(description="a table", examples=["[throttle]"])] = ThrottleSection()
    guard: Annotated[tuple[GuardEntry, ...], Field(description="a list of guards", examples=["[[guard]]"])] = ()
    apply: Annotated[ApplySection, Field(description="a table", examples=["[apply]"])] = ApplySection()
    nightly: Annotated[NightlySection, Field(description="a table", examples=["[nightly]"])] = NightlySection()
    tracking: Annotated[TrackingSection, Field(description="a table", examples=["[tracking]"])] = TrackingSection()
    verify: Annotated[VerifySettings, Field(description="a table", examples=["[verify]"])] = VerifySettings()
    dagster: Annotated[DagsterSettings, Field(description="a table", examples=["[dagster]"])] = DagsterSettings()
    alerts: Annotated[AlertSettings, Field(description="a table", examples=["[alerts]"])] = AlertSettings()


def read_toml_file(source: Path) -> TomlFile:
    """Read and check the file. Raises ConfigurationError, which names the file and every wrong entry."""
    try:
        document = tomllib.loads(source.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{source} is not valid TOML: {error}", remedy="Correct the file.") from error
    try:
        return TomlFile.model_validate(document)
    except ValidationError as error:
        raise in_plain_english(error, TomlFile, source) from None
    except ConfigurationError as error:
        raise ConfigurationError(f"{source}: {error.message}", remedy=error.remedy) from error
