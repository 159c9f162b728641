"""`[throttle]` in stagenorm.toml and STAGENORM_REPLICA_URLS: every bound, and errors that name the entry."""

from dataclasses import fields
from pathlib import Path

import pytest

from stagenorm_pipeline.config.pacing import Pacing
from stagenorm_pipeline.config.settings import Configuration, load_configuration
from stagenorm_pipeline.config.throttle import ThrottlerName, ThrottleSettings
from stagenorm_pipeline.errors import ConfigurationError

URL = "postgresql://user:secret@replica/db"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "stagenorm.toml"


def loaded(file: Path, text: str, **environment: str) -> Configuration:
    file.write_text(text, encoding="utf-8")
    return load_configuration(file, environment)


def test_defaults_without_a_section(file: Path) -> None:
    configuration = loaded(file, "")
    assert (configuration.throttle, configuration.pacing) == (ThrottleSettings(), Pacing())


def test_every_bound_can_be_set(file: Path) -> None:
    bounds = [entry.name for entry in fields(ThrottleSettings) if entry.name not in ("ignore", "replica_urls")]
    # `resume_...` is half of `max_...`: both are valid, in any order.
    numbers = {name: 600 if name.startswith("resume_") else 1_200 for name in bounds}
    lines = [f"{name} = {number}" for name, number in numbers.items()]
    others = ["target_ms = 250", "max_rows = 5000", 'ignore = ["vacuum", "wal_rate"]', f'replica_urls = ["{URL}"]']
    configuration = loaded(file, "\n".join(["[throttle]", *lines, *others]))
    assert {name: getattr(configuration.throttle, name) for name in bounds} == numbers
    assert configuration.throttle.ignore == {ThrottlerName.VACUUM, ThrottlerName.WAL_RATE}
    assert configuration.throttle.replica_urls == (URL,)
    assert configuration.pacing == Pacing(target_ms=250, max_rows=5_000)


def test_replica_urls_of_the_environment_beat_the_file(file: Path) -> None:
    second = "postgres://user@second/db"
    section = f'[throttle]\nreplica_urls = ["{URL}"]\nmax_lag_seconds = 3\n'
    throttle = loaded(file, section, STAGENORM_REPLICA_URLS=f"{second}, {URL}").throttle
    assert (throttle.replica_urls, throttle.max_lag_seconds) == ((second, URL), 3)
    assert loaded(file, section, STAGENORM_REPLICA_URLS=" ").throttle.replica_urls == (URL,)


def test_replica_urls_of_the_environment_without_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_configuration(environment={"STAGENORM_REPLICA_URLS": URL}).throttle.replica_urls == (URL,)


def test_wrong_replica_url_is_counted_and_not_shown(file: Path) -> None:
    with pytest.raises(ConfigurationError, match="Replica URL 2 of 2 cannot be used") as caught:
        loaded(file, "", STAGENORM_REPLICA_URLS=f"{URL} mysql://user:secret@replica/db")
    assert "secret" not in str(caught.value)
    assert "STAGENORM_REPLICA_URLS" in str(caught.value.remedy)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("max_lag = 3", "max_lag"),
        ('max_lag_seconds = "ten"', "max_lag_seconds"),
        ("max_lag_seconds = 0", "max_lag_seconds"),
        ("max_lag_seconds = -1", "max_lag_seconds"),
        ("max_lag_seconds = inf", "max_lag_seconds"),
        ("max_lag_seconds = nan", "max_lag_seconds"),
        ("max_lag_seconds = true", "max_lag_seconds"),
        ("probe_interval_ms = 1.5", "probe_interval_ms"),
        ("max_lag_seconds = 3\nresume_lag_seconds = 4", "resume_lag_seconds"),
        ('ignore = "vacuum"', "ignore"),
        ('ignore = ["vacum"]', "vacum"),
        ("replica_urls = [5]", "replica_urls"),
        ("target_ms = 9", "target_ms"),
        ("target_ms = 60001", "target_ms"),
        ("max_rows = 499", "max_rows"),
        ("max_rows = 20001", "max_rows"),
    ],
)
def test_wrong_bound_is_named_with_its_file(file: Path, text: str, named: str) -> None:
    with pytest.raises(ConfigurationError, match=named) as caught:
        loaded(file, f"[throttle]\n{text}\n")
    assert str(file) in caught.value.message
    assert caught.value.remedy


def test_errors_never_show_a_replica_url(file: Path) -> None:
    for urls in (f'["{URL}", 5]', f'"{URL}"'):
        with pytest.raises(ConfigurationError, match="replica_urls") as caught:
            loaded(file, f"[throttle]\nreplica_urls = {urls}\n")
        assert "secret" not in str(caught.value)


def test_throttle_must_be_a_table(file: Path) -> None:
    with pytest.raises(ConfigurationError, match="throttle"):
        loaded(file, "throttle = 5\n")


def test_documentation_names_every_throttler_and_bound() -> None:
    text = (Path(__file__).parents[2] / "docs" / "throttling.md").read_text(encoding="utf-8")
    bounds = [entry.name for settings in (ThrottleSettings, Pacing) for entry in fields(settings)]
    assert [name for name in [*ThrottlerName, *bounds] if name not in text] == []
