"""The environment variables that name the database, the configuration file, the replicas and Dagster's storage."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

CONFIGURATION_FILE = "STAGENORM_CONFIG"
DAGSTER_URL = "STAGENORM_DAGSTER_URL"
DATABASE_URL = "DATABASE_URL"
REPLICA_URLS = "STAGENORM_REPLICA_URLS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What the environment variables say. A variable that is empty counts as not set."""

    # URLs may hold passwords: no representation shows them.
    database_url: str | None = field(default=None, repr=False)
    dagster_url: str | None = field(default=None, repr=False)
    replica_urls: tuple[str, ...] = field(default=(), repr=False)
    configuration_file: Path | None = None


def read_environment(variables: Mapping[str, str]) -> Environment:
    """Read the variables. Commas or white space separate the replica URLs."""
    file = variables.get(CONFIGURATION_FILE)
    return Environment(
        database_url=variables.get(DATABASE_URL, "").strip() or None,
        dagster_url=variables.get(DAGSTER_URL, "").strip() or None,
        replica_urls=tuple(variables.get(REPLICA_URLS, "").replace(",", " ").split()),
        configuration_file=Path(file) if file else None,
    )
