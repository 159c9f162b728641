"""The Python API: the examples of docs/python-api.md, and what a caller relies on beyond them."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from stagenorm_pipeline import Stagenorm
from stagenorm_pipeline.errors import ConfigurationError
from stagenorm_pipeline.service.preflight import PreflightError
from stagenorm_pipeline_tests.support.application import COMPANIES, DEALS, Application

_PAGE = Path(__file__).parents[2] / "docs" / "python-api.md"
_EXAMPLES = re.findall(r"```python\n(.*?)```", _PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def application(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Application]:
    """Two funds with known, unknown and NULL stages, and DATABASE_URL set. No stagenorm.toml is near."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_url)
    application = Application(database_url)
    application.set_up()
    application.add(COMPANIES, [(1, "Seed"), (1, "seed"), (2, "Seed Round"), (None, "Series A")])
    application.add(DEALS, [(1, "SERIES B"), (2, None), (2, "Seed Round")])
    yield application
    application.close()


def _run(example: str, names: dict[str, Any]) -> dict[str, Any]:
    exec(compile(example, str(_PAGE), "exec"), names)  # noqa: S102 - the documentation's own code
    return names


def test_documented_examples_run(application: Application, capsys: pytest.CaptureFixture[str]) -> None:
    """The page ends in a DataFrame, then plans, applies, verifies and rolls back."""
    before = application.stages(COMPANIES)
    names: dict[str, Any] = {}
    for example in _EXAMPLES:
        names = _run(example, names)
    printed = capsys.readouterr().out
    assert isinstance(names["frame"], pd.DataFrame)
    assert "Seed Round" in printed
    assert "2 rows would change" in printed
    assert "completed 2" in printed
    assert application.stages(COMPANIES) == before


def test_frame_holds_one_row_per_target_fund_and_spelling(application: Application) -> None:
    with Stagenorm() as stagenorm:
        frame = stagenorm.inventory().to_frame()
    assert list(frame.columns) == ["target", "fund_id", "spelling", "meaning", "stage", "rows"]
    assert frame["rows"].sum() == 7
    found = {
        (str(target).removeprefix("public."), *(None if pd.isna(cell) else cell for cell in cells))
        for target, *cells in frame.itertuples(index=False, name=None)
    }
    companies, deals = "portfoliocompanies.stage", "deal_opportunities.stage"
    assert found == {
        (companies, "1", "Seed", "known", "seed", 1),
        (companies, "1", "seed", "canonical", "seed", 1),
        (companies, "2", "Seed Round", "unknown", None, 1),
        (companies, None, "Series A", "known", "series-a", 1),
        (deals, "1", "SERIES B", "known", "series-b", 1),
        (deals, "2", None, "null", None, 1),
        (deals, "2", "Seed Round", "unknown", None, 1),
    }


def test_plan_raises_the_first_preflight_error(application: Application) -> None:
    application.sql("ALTER TABLE portfoliocompanies ADD CONSTRAINT messy CHECK (stage <> 'seed') NOT VALID")
    with Stagenorm() as stagenorm, pytest.raises(PreflightError) as caught:
        stagenorm.plan()
    assert "messy" in caught.value.message
    assert caught.value.remedy
    assert application.value("SELECT count(*) FROM stage_migration_plans") == 0


def test_missing_database_url_is_a_configuration_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with pytest.raises(ConfigurationError, match="DATABASE_URL is not set"):
        Stagenorm()


def test_importing_the_package_loads_no_database_driver() -> None:
    """`stagenorm --help` imports the package for its version alone."""
    script = "import sys, stagenorm_pipeline; print(*sys.modules)"
    environment = {"PATH": os.environ["PATH"]}
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
    assert not {"sqlalchemy", "psycopg", "pandas", "dagster"} & set(ran.stdout.split())
