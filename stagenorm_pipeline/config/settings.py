"""`stagenorm.toml`: the targets, the file of reviewed decisions, the bounds of throttle and verification, our schema.

The command line and Dagster read the same one.
Without a file the two default targets are meant. Does not belong here: whether a target exists (see `targets`).
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from stagenorm_pipeline.engine.apply.pacing import Pacing
from stagenorm_pipeline.engine.throttle.settings import ThrottlerName, ThrottleSettings
from stagenorm_pipeline.engine.verify.settings import VerifySettings
from stagenorm_pipeline.errors import ConfigurationError

_ENVIRONMENT_VARIABLE = "STAGENORM_CONFIG"
_REPLICAS_VARIABLE = "STAGENORM_REPLICA_URLS"
_DEFAULT_FILE = Path("stagenorm.toml")
_DEFAULT_DECISIONS = Path("stage_decisions.yaml")

S = TypeVar("S", ThrottleSettings, Pacing)


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSetting:
    """A target as the user names it. `schema` None: found by the search path. `key` None: the primary key."""

    table: str
    column: str = "stage"
    schema: str | None = None
    key: str | None = None
    # The name to look for; a table without such a column is planned under `no-fund`.
    fund_column: str = "fund_id"
    # Named in the file, so its absence is an error rather than "this table has no funds".
    fund_column_required: bool = False

    @property
    def name(self) -> str:
        return ".".join(part for part in (self.schema, self.table, self.column) if part)


DEFAULT_TARGETS = (TargetSetting(table="portfoliocompanies"), TargetSetting(table="deal_opportunities"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What `stagenorm.toml` says. `decisions` is where the reviewed decisions are; the file may not exist yet.

    `pacing` counts where `--batch-size auto` is asked for.
    """

    targets: tuple[TargetSetting, ...] = DEFAULT_TARGETS
    decisions: Path = _DEFAULT_DECISIONS
    source: Path | None = field(default=None, compare=False)
    throttle: ThrottleSettings = field(default_factory=ThrottleSettings)
    pacing: Pacing = field(default_factory=Pacing)
    # Where stagenorm's own tables are. None: where the search path finds them, else `public`.
    tracking_schema: str | None = None
    verify: VerifySettings = field(default_factory=VerifySettings)

    def select(self, table: str | None) -> tuple[TargetSetting, ...]:
        """The targets that `--table` means: a table, `schema.table` or `schema.table.column`; all when it is None.

        Raises ConfigurationError when it names none of them.
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
            raise ConfigurationError(
                f"{table!r} is not one of the targets: {', '.join(target.name for target in self.targets)}.",
                remedy="Name one of them with --table, or add a [[target]] to stagenorm.toml.",
            )
        return wanted


def load_configuration(path: Path | None = None, environment: Mapping[str, str] | None = None) -> Configuration:
    """Read `path`, else the file that STAGENORM_CONFIG names, else ./stagenorm.toml, else the defaults.

    STAGENORM_REPLICA_URLS (commas or white space between them) beats the file's `replica_urls`: it may hold passwords.
    Raises ConfigurationError naming the file and the entry.
    """
    environment = os.environ if environment is None else environment
    configuration = _read_file(path, environment)
    urls = tuple(environment.get(_REPLICAS_VARIABLE, "").replace(",", " ").split())
    if urls:
        configuration = replace(configuration, throttle=replace(configuration.throttle, replica_urls=urls))
    if configuration.throttle.replica_urls:
        _require_urls(configuration.throttle.replica_urls)
    return configuration


def _require_urls(urls: tuple[str, ...]) -> None:
    from stagenorm_pipeline.engine.postgres.database_url import parse_database_url

    for number, url in enumerate(urls, start=1):
        try:
            parse_database_url(url)
        except ConfigurationError as error:
            raise ConfigurationError(
                f"Replica URL {number} of {len(urls)} cannot be used. {error.message}",
                remedy=f"{error.remedy} It comes from {_REPLICAS_VARIABLE}, or from replica_urls in [throttle].",
            ) from error


def _read_file(path: Path | None, environment: Mapping[str, str]) -> Configuration:
    named = path or (Path(environment[_ENVIRONMENT_VARIABLE]) if environment.get(_ENVIRONMENT_VARIABLE) else None)
    source = named or _DEFAULT_FILE
    if not source.is_file():
        if named is not None:
            raise ConfigurationError(
                f"The configuration file {source} does not exist.",
                remedy=f"Create it, or unset {_ENVIRONMENT_VARIABLE} to work on the two default targets.",
            )
        return Configuration()
    try:
        document = tomllib.loads(source.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{source} is not valid TOML: {error}", remedy="Mend the file.") from error
    return _configuration(document, source)


def _configuration(document: dict[str, Any], source: Path) -> Configuration:
    _only_known_keys(document, {"target", "decisions", "throttle", "tracking", "verify"}, source, "top level")
    entries = document.get("target", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ConfigurationError(f"{source}: `target` must be a list of tables.", remedy="Write [[target]].")
    targets = tuple(_target(entry, source) for entry in entries) or DEFAULT_TARGETS
    names = [target.name for target in targets]
    for name in names:
        if names.count(name) > 1:
            raise ConfigurationError(f"{source}: the target {name} is there twice.", remedy="Remove one of them.")
    decisions = document.get("decisions", str(_DEFAULT_DECISIONS))
    if not isinstance(decisions, str):
        raise ConfigurationError(f"{source}: `decisions` must be a path.", remedy='Write decisions = "file.yaml".')
    throttle, pacing = _throttle(document.get("throttle", {}), source)
    schema = _tracking_schema(document.get("tracking", {}), source)
    verify = _verify(document.get("verify", {}), source)
    return Configuration(
        targets=targets,
        decisions=source.parent / decisions,
        source=source,
        throttle=throttle,
        pacing=pacing,
        tracking_schema=schema,
        verify=verify,
    )


def _tracking_schema(section: Any, source: Path) -> str | None:
    if not isinstance(section, dict):
        raise ConfigurationError(f"{source}: `tracking` must be a table.", remedy="Write [tracking].")
    _only_known_keys(section, {"schema"}, source, "[tracking]")
    schema = section.get("schema")
    if schema is not None and (not isinstance(schema, str) or not schema or "\0" in schema):
        raise ConfigurationError(f"{source}: `schema` in [tracking] must be a name.", remedy='Write schema = "public".')
    return schema


def _target(entry: dict[str, Any], source: Path) -> TargetSetting:
    _only_known_keys(entry, {"schema", "table", "column", "key", "fund_column"}, source, "[[target]]")
    for key, value in entry.items():
        if not isinstance(value, str) or not value:
            raise ConfigurationError(f"{source}: `{key}` of a [[target]] must be a name.", remedy="Put it in quotes.")
    if "table" not in entry:
        raise ConfigurationError(f"{source}: a [[target]] names no table.", remedy='Add table = "...".')
    return TargetSetting(
        table=entry["table"],
        column=entry.get("column", "stage"),
        schema=entry.get("schema"),
        key=entry.get("key"),
        fund_column=entry.get("fund_column", "fund_id"),
        fund_column_required="fund_column" in entry,
    )


def _throttle(section: Any, source: Path) -> tuple[ThrottleSettings, Pacing]:
    if not isinstance(section, dict):
        raise ConfigurationError(f"{source}: `throttle` must be a table.", remedy="Write [throttle].")
    bounds = {entry.name for entry in fields(ThrottleSettings)} - {"ignore", "replica_urls"}
    paces = {entry.name for entry in fields(Pacing)}
    _only_known_keys(section, {"ignore", "replica_urls"} | bounds | paces, source, "[throttle]")
    ignored = _names(section, "ignore", source)
    unknown = sorted(set(ignored) - set(ThrottlerName))
    if unknown:
        raise ConfigurationError(
            f"{source}: `ignore` in [throttle] names {unknown[0]!r}, which is no throttler.",
            remedy=f"The throttlers: {', '.join(ThrottlerName)}.",
        )
    settings = ThrottleSettings(
        ignore=frozenset(map(ThrottlerName, ignored)), replica_urls=tuple(_names(section, "replica_urls", source))
    )
    return (
        _with_numbers(settings, {key: section[key] for key in section.keys() & bounds}, source),
        _with_numbers(Pacing(), {key: section[key] for key in section.keys() & paces}, source),
    )


def _verify(section: Any, source: Path) -> VerifySettings:
    if not isinstance(section, dict):
        raise ConfigurationError(f"{source}: `verify` must be a table.", remedy="Write [verify].")
    largest = {"changes_by_other_sessions_percent": 100, "changes_by_other_sessions_rows": 2**31 - 1}
    _only_known_keys(section, set(largest), source, "[verify]")
    for key, value in sorted(section.items()):
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= largest[key]:
            raise ConfigurationError(
                f"{source}: `{key}` in [verify] must be a whole number from 0 to {largest[key]:,}.",
                remedy=f"Write {key} = {getattr(VerifySettings(), key)}, which is the default.",
            )
    return replace(VerifySettings(), **section)


def _names(section: dict[str, Any], key: str, source: Path) -> list[str]:
    names = section.get(key, [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ConfigurationError(f"{source}: `{key}` in [throttle] must be a list of names.", remedy='Write ["..."].')
    return names


def _with_numbers(settings: S, numbers: dict[str, Any], source: Path) -> S:
    for key, value in sorted(numbers.items()):
        kinds = (int,) if isinstance(getattr(settings, key), int) else (int, float)
        # True is an int to Python; and TOML has inf and nan.
        if isinstance(value, bool) or not isinstance(value, kinds) or not 0 < value < float("inf"):
            raise ConfigurationError(
                f"{source}: `{key}` in [throttle] must be a number above 0.", remedy=f"Write {key} = 10, say."
            )
    try:
        return replace(settings, **numbers)
    except ConfigurationError as error:
        raise ConfigurationError(f"{source}: {error.message}", remedy=error.remedy) from error


def _only_known_keys(table: dict[str, Any], known: set[str], source: Path, where: str) -> None:
    unknown = sorted(set(table) - known)
    if unknown:
        raise ConfigurationError(
            f"{source}: unknown key {unknown[0]!r} at {where}.", remedy=f"Known keys: {', '.join(sorted(known))}."
        )
