"""The settings that the command line and Dagster work with: stagenorm.toml, completed by the environment.

Without a file, stagenorm works on the two default targets.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path

from stagenorm_pipeline.config.alerts import AlertSettings
from stagenorm_pipeline.config.auto_batch_size import Pacing
from stagenorm_pipeline.config.dagster_section import DagsterSettings
from stagenorm_pipeline.config.environment import CONFIGURATION_FILE, REPLICA_URLS, read_environment
from stagenorm_pipeline.config.guards import GuardBound, GuardSettings
from stagenorm_pipeline.config.limits import Limits, parse_until
from stagenorm_pipeline.config.nightly_section import NightlySection
from stagenorm_pipeline.config.stagenorm_toml import (
    DEFAULT_DECISIONS,
    GuardEntry,
    TargetEntry,
    TomlFile,
    read_toml_file,
)
from stagenorm_pipeline.config.throttle import ThrottleSettings
from stagenorm_pipeline.config.verify import VerifySettings
from stagenorm_pipeline.config.vocabulary_section import VocabularySettings
from stagenorm_pipeline.errors import ConfigurationError

_DEFAULT_FILE = Path("stagenorm.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSetting:
    """A target as the user names it. `schema` None: found by the search path. `key` None: the primary key."""

    table: str
    column: str = "stage"
    schema: str | None = None
    key: str | None = None
    # A table without this column has no funds: all its rows are planned under `no-fund`.
    fund_column: str = "fund_id"
    # True when stagenorm.toml names the column: a table without it is then an error.
    fund_column_required: bool = False
    # Its texts leave the database: they are examples on the review page. None: no examples.
    example_column: str | None = None

    @property
    def name(self) -> str:
        return ".".join(part for part in (self.schema, self.table, self.column) if part)


DEFAULT_TARGETS = (TargetSetting(table="portfoliocompanies"), TargetSetting(table="deal_opportunities"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """All settings. `decisions` is the file of reviewed decisions, which may not exist yet.

    `source` is the file that was read, None without one. `pacing` is for `--batch-size auto`.
    """

    targets: tuple[TargetSetting, ...] = DEFAULT_TARGETS
    vocabulary: VocabularySettings = field(default_factory=VocabularySettings)
    decisions: Path = DEFAULT_DECISIONS
    source: Path | None = field(default=None, compare=False)
    throttle: ThrottleSettings = field(default_factory=ThrottleSettings)
    guards: tuple[GuardSettings, ...] = ()
    # Funds that no run changes, as the user names them.
    protected_funds: tuple[str, ...] = ()
    nightly: Limits = field(default_factory=Limits)
    pacing: Pacing = field(default_factory=Pacing)
    # The schema of stagenorm's own tables. None: where the search path finds them, else `public`.
    tracking_schema: str | None = None
    verify: VerifySettings = field(default_factory=VerifySettings)
    dagster: DagsterSettings = field(default_factory=DagsterSettings)
    alerts: AlertSettings = field(default_factory=AlertSettings)

    def select(self, table: str | None) -> tuple[TargetSetting, ...]:
        """Return the targets that `--table` names, or all for None.

        `table` is a table, `schema.table` or `schema.table.column`. Raises ConfigurationError when no target matches.
        """
        if table is None:
            return self.targets
        wanted = tuple(
            target
            for target in self.targets
            if table in (target.table, f"{target.table}.{target.column}", target.name)
            or (target.schema is not None and table == f"{target.schema}.{target.table}")
            or (target.schema is None and table in (f"public.{target.table}", f"public.{target.name}"))
        )
        if not wanted:
            names = [name for target in self.targets for name in (target.table, target.name)]
            close = get_close_matches(table, names, n=1)
            guess = f" Did you mean {close[0]}?" if close else ""
            raise ConfigurationError(
                f"{table!r} is not one of the targets: {', '.join(target.name for target in self.targets)}.{guess}",
                remedy="Name one of them with --table, or add a [[target]] to stagenorm.toml.",
            )
        return wanted


def load_configuration(path: Path | None = None, environment: Mapping[str, str] | None = None) -> Configuration:
    """Read `path`, else the file that STAGENORM_CONFIG names, else ./stagenorm.toml, else use the defaults.

    The replicas of STAGENORM_REPLICA_URLS replace the file's `replica_urls`.
    Raises ConfigurationError, which names the file and the entry.
    """
    variables = read_environment(os.environ if environment is None else environment)
    configuration = _read(path or variables.configuration_file)
    if variables.replica_urls:
        throttle = replace(configuration.throttle, replica_urls=variables.replica_urls)
        configuration = replace(configuration, throttle=throttle)
    if configuration.throttle.replica_urls:
        _require_urls(configuration.throttle.replica_urls)
    return configuration


def _read(named: Path | None) -> Configuration:
    source = named or _DEFAULT_FILE
    if source.is_file():
        return _configuration(read_toml_file(source), source)
    if named is not None:
        raise ConfigurationError(
            f"The configuration file {named} does not exist.",
            remedy=f"Create it, or unset {CONFIGURATION_FILE} to work on the two default targets.",
        )
    return Configuration()


def _configuration(file: TomlFile, source: Path) -> Configuration:
    targets = tuple(map(_target, file.target)) or DEFAULT_TARGETS
    _require_distinct(source, "target", [target.name for target in targets])
    _require_distinct(source, "guard", [entry.name for entry in file.guard])
    return Configuration(
        targets=targets,
        vocabulary=file.vocabulary,
        decisions=source.parent / file.decisions,
        source=source,
        throttle=file.throttle.settings,
        guards=tuple(_guard(entry, source) for entry in file.guard),
        protected_funds=file.apply.protected_funds,
        nightly=_nightly(file.nightly),
        pacing=file.throttle.pacing,
        tracking_schema=file.tracking.schema_name,
        verify=file.verify,
        dagster=file.dagster,
        alerts=file.alerts,
    )


def _target(entry: TargetEntry) -> TargetSetting:
    return TargetSetting(
        table=entry.table,
        column=entry.column,
        schema=entry.schema_name,
        key=entry.key,
        fund_column=entry.fund_column,
        fund_column_required="fund_column" in entry.model_fields_set,
        example_column=entry.example_column,
    )


def _nightly(section: NightlySection) -> Limits:
    return Limits(
        canary_rows=section.canary,
        max_rows=section.max_rows,
        until=None if section.until is None else parse_until(section.until),
        exclude_funds=section.exclude_funds,
    )


def _guard(entry: GuardEntry, source: Path) -> GuardSettings:
    try:
        return GuardSettings(
            name=entry.name,
            query=entry.query,
            throttle_if=GuardBound.parse(entry.throttle_if) if entry.throttle_if else None,
            stop_if=GuardBound.parse(entry.stop_if) if entry.stop_if else None,
            timeout_ms=entry.timeout_ms,
        )
    except ConfigurationError as error:
        raise ConfigurationError(f"{source}: {error.message}", remedy=error.remedy) from error


def _require_distinct(source: Path, kind: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ConfigurationError(f"{source}: the {kind} {name} is listed twice.", remedy="Remove one of them.")


def _require_urls(urls: tuple[str, ...]) -> None:
    # SQLAlchemy reads the URLs, and a shell's completion needs neither it nor replicas.
    from stagenorm_pipeline.config.database_url import parse_database_url

    for number, url in enumerate(urls, start=1):
        try:
            parse_database_url(url)
        except ConfigurationError as error:
            raise ConfigurationError(
                f"Replica URL {number} of {len(urls)} cannot be used. {error.message}",
                remedy=f"{error.remedy} It comes from {REPLICA_URLS}, or from replica_urls in [throttle].",
            ) from error
