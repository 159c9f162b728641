"""The environment variables: what each says, and that an empty one counts as not set."""

from pathlib import Path

from stagenorm_pipeline.config.environment import Environment, read_environment


def test_every_variable_is_read() -> None:
    variables = {
        "DATABASE_URL": " postgresql://app/db ",
        "STAGENORM_DAGSTER_URL": "postgresql://dagster/db",
        "STAGENORM_REPLICA_URLS": "postgresql://one/db, postgresql://two/db",
        "STAGENORM_CONFIG": "other.toml",
    }
    assert read_environment(variables) == Environment(
        database_url="postgresql://app/db",
        dagster_url="postgresql://dagster/db",
        replica_urls=("postgresql://one/db", "postgresql://two/db"),
        configuration_file=Path("other.toml"),
    )


def test_empty_variables_count_as_not_set() -> None:
    names = ("DATABASE_URL", "STAGENORM_DAGSTER_URL", "STAGENORM_REPLICA_URLS", "STAGENORM_CONFIG")
    assert read_environment(dict.fromkeys(names, "")) == read_environment({}) == Environment()


def test_urls_are_not_shown() -> None:
    variables = {"DATABASE_URL": "postgresql://u:secret@h/d", "STAGENORM_REPLICA_URLS": "postgresql://u:secret@r/d"}
    assert "secret" not in repr(read_environment(variables))
