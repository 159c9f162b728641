"""`stagenorm.toml`: which columns are targets and where the reviewed decisions are.

The command line and Dagster read the same one.
Without a file the two default targets are meant. Does not belong here: whether a target exists (see `targets`).
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stagenorm_pipeline.engine.errors import ConfigurationError

_ENVIRONMENT_VARIABLE = "STAGENORM_CONFIG"
_DEFAULT_FILE = Path("stagenorm.toml")
_DEFAULT_DECISIONS = Path("stage_decisions.yaml")


@dataclass(frozen=True, slots=True)
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


DEFAULT_TARGETS = (TargetSetting("portfoliocompanies"), TargetSetting("deal_opportunities"))


@dataclass(frozen=True, slots=True)
class Configuration:
    """What `stagenorm.toml` says. `decisions` is where the reviewed decisions are; the file may not exist yet."""

    targets: tuple[TargetSetting, ...] = DEFAULT_TARGETS
    decisions: Path = _DEFAULT_DECISIONS
    source: Path | None = field(default=None, compare=False)

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
            or (target.schema is None and table == f"public.{target.table}")
        )
        if not wanted:
            raise ConfigurationError(
                f"{table!r} is not one of the targets: {', '.join(target.name for target in self.targets)}.",
                remedy="Name one of them with --table, or add a [[target]] to stagenorm.toml.",
            )
        return wanted


def load_configuration(path: Path | None = None, environment: Mapping[str, str] | None = None) -> Configuration:
    """Read `path`, else the file that STAGENORM_CONFIG names, else ./stagenorm.toml, else the defaults.

    Raises ConfigurationError naming the file and the entry.
    """
    environment = os.environ if environment is None else environment
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
    _only_known_keys(document, {"target", "decisions"}, source, "top level")
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
    return Configuration(targets, source.parent / decisions, source)


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


def _only_known_keys(table: dict[str, Any], known: set[str], source: Path, where: str) -> None:
    unknown = sorted(set(table) - known)
    if unknown:
        raise ConfigurationError(
            f"{source}: unknown key {unknown[0]!r} at {where}.", remedy=f"Known keys: {', '.join(sorted(known))}."
        )
