"""The presets in the launchpad: rows per batch, the pace, and what a plan's runs inherit."""

import pytest

from stagenorm_pipeline.defs.run_config import ApplyConfig, PlanConfig
from stagenorm_pipeline.errors import ConfigurationError
from stagenorm_pipeline.service.applying import Pace
from stagenorm_pipeline.service.context import open_context
from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.dagster_project import DagsterProject


def _pace(application: Application, **config: object) -> Pace:
    context = open_context(interface="test", database_url=application.url)
    try:
        return ApplyConfig.model_validate(config).pace(context)
    finally:
        context.close()


@pytest.mark.parametrize(
    ("preset", "rows", "sleep_ms"),
    [("conservative", 1000, 500), ("balanced", 5000, 100), ("aggressive", 10000, 0), ("auto", 500, 100)],
)
def test_preset_values_match_runbook_and_yield_to_numbers(
    application: Application, preset: str, rows: int, sleep_ms: int
) -> None:
    is_auto = preset == "auto"
    assert PlanConfig.model_validate({"preset": preset}).rows_per_batch == rows
    assert PlanConfig.model_validate({"preset": preset, "batch_size": 7}).rows_per_batch == 7
    assert _pace(application, preset=preset) == Pace(sleep_ms=sleep_ms, is_auto=is_auto)
    assert _pace(application, preset=preset, sleep_ms=0) == Pace(sleep_ms=0, is_auto=is_auto)
    with pytest.raises(ConfigurationError, match="sleep_ms is 600,001"):
        _pace(application, preset=preset, sleep_ms=600_001)


def test_runs_inherit_the_preset_of_the_open_plan(project: DagsterProject, application: Application) -> None:
    assert PlanConfig().rows_per_batch == 5_000
    assert _pace(application) == Pace(sleep_ms=100)
    application.add(COMPANIES, [(1, "Seed")])
    project.plan(preset="conservative")
    assert _pace(application) == Pace(sleep_ms=500)
    assert _pace(application, preset="aggressive") == Pace(sleep_ms=0)
    project.plan(preset="auto")
    assert _pace(application) == Pace(sleep_ms=100, is_auto=True)
    application.plan()
    assert _pace(application) == Pace(sleep_ms=100)
