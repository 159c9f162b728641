"""A command makes Dagster's pages show what it did, if the environment names an instance."""

import pytest

from stagenorm_pipeline.defs.assets.asset_names import NORMALIZED_STAGES
from stagenorm_pipeline.defs.partitions import FUNDS
from stagenorm_pipeline.defs.reconcile.for_command_line import configured_instance
from stagenorm_pipeline.defs.reconcile.plan_events import TOTALS_KEY
from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.command_line import stagenorm


def test_run_command_reports_to_storage_at_any_url_form(
    application: Application, storage_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    application.add(COMPANIES, [(1, "Seed"), (None, "Seed")])
    monkeypatch.setenv("STAGENORM_DAGSTER_URL", storage_url)

    ran = stagenorm(
        "run", "--yes", "--sleep-ms", "0", url=application.url, environment={"STAGENORM_DAGSTER_URL": storage_url}
    )

    assert (ran.code, ran.err) == (0, ""), ran.all
    assert "Dagster does not show it" not in ran.out
    with configured_instance() as instance:
        assert instance.get_dynamic_partitions(FUNDS) == ["fund-1", "no-fund"]
        assert instance.get_materialized_partitions(NORMALIZED_STAGES) == {"fund-1", "no-fund", TOTALS_KEY}


def test_unreachable_storage_is_warning_without_url(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")])

    ran = stagenorm(
        "run",
        "--yes",
        url=application.url,
        environment={"STAGENORM_DAGSTER_URL": "postgresql://me:S3CRET@127.0.0.1:1/dagster"},
    )

    assert ran.code == 0
    assert application.value("SELECT stage FROM portfoliocompanies") == "seed"
    assert "Dagster does not show it" in ran.all
    assert "S3CRET" not in ran.all
