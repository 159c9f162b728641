"""`[[guard]]` in stagenorm.toml: what is read, and errors that name the entry."""

from pathlib import Path

import pytest

from stagenorm_pipeline.config.configuration import Configuration, load_configuration
from stagenorm_pipeline.config.guards import GuardBound, GuardSettings
from stagenorm_pipeline.errors import ConfigurationError


def loaded(tmp_path: Path, text: str) -> Configuration:
    file = tmp_path / "stagenorm.toml"
    file.write_text(text, encoding="utf-8")
    return load_configuration(file, {})


def test_guard_is_read_with_its_bounds(tmp_path: Path) -> None:
    text = '[[guard]]\nname = "apdex"\nquery = "SELECT 1"\nthrottle_if = "< 0.9"\nstop_if = "<=0.5"\ntimeout_ms = 50'
    bounds = GuardBound(comparison="<", number=0.9), GuardBound(comparison="<=", number=0.5)
    guard = GuardSettings(name="apdex", query="SELECT 1", throttle_if=bounds[0], stop_if=bounds[1], timeout_ms=50)
    assert loaded(tmp_path, text).guards == (guard,)
    assert [bounds[1].is_met_by(value) for value in (0.4, 0.5, 0.6)] == [True, True, False]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('name = "a"\nquery = "SELECT 1"', "The guard 'a' has no bound."),
        ('query = "SELECT 1"\nstop_if = "> 1"', "[[guard]] number 1 has no `name`."),
        ('name = "a"\nquery = "SELECT 1"\nstop_if = "many"', "`stop_if` in [[guard]] number 1 must be a bound"),
        (
            "\n[[guard]]\n".join(['name = "a"\nquery = "SELECT 1"\nstop_if = "> 1"'] * 2),
            "the guard a is listed twice",
        ),
    ],
)
def test_wrong_guard_is_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        loaded(tmp_path, f"[[guard]]\n{text}")
    assert words in raised.value.message
    assert str(tmp_path) in raised.value.message
