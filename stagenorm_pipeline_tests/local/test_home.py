"""The home directory of local files."""

from pathlib import Path

import pytest

from stagenorm_pipeline.errors import ConfigurationError
from stagenorm_pipeline.local.home import home_directory


def test_home_from_the_environment_is_created(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAGENORM_HOME", str(tmp_path / "some" / "where"))
    assert home_directory() == tmp_path / "some" / "where"
    assert home_directory().is_dir()


def test_home_defaults_to_the_current_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STAGENORM_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    assert home_directory() == tmp_path / ".stagenorm"


def test_home_that_is_a_file_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("STAGENORM_HOME", str(tmp_path / "file"))
    with pytest.raises(ConfigurationError, match=str(tmp_path / "file")):
        home_directory()
