"""The asset `stage_inventory`: what it reports about the tables and about what is in force."""

from pathlib import Path

import dagster as dg

from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.dagster_project import DagsterProject, materialized


def test_inventory_shows_rows_and_columns_of_each_table(project: DagsterProject, application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed"), (2, "seed")])

    project.plan(draft=True)

    key = dg.AssetKey(["stagenorm", "targets", "portfoliocompanies.stage"])
    # A materialization: the table's page shows the columns of no other event.
    (record,) = project.instance.fetch_materializations(key, limit=2).records
    assert record.asset_materialization is not None
    seen = record.asset_materialization.metadata
    assert seen["dagster/table_name"].value == "public.portfoliocompanies"
    assert seen["dagster/row_count"].value == 2
    schema = seen["dagster/column_schema"].value
    assert isinstance(schema, dg.TableSchema)
    columns = {column.name: (column.type, column.constraints.nullable) for column in schema.columns}
    assert columns["id"] == ("integer", False)
    assert columns["stage"] == ("text", False)


def test_each_page_names_database_and_decisions(project: DagsterProject, application: Application) -> None:
    Path("stage_decisions.yaml").write_text('- spelling: "growth"\n  stage: seed\n')
    application.add(COMPANIES, [(1, "Seed")])

    pages = [
        *(materialized(project.plan(), name)[None] for name in ("stage_inventory", "batch_plan")),
        materialized(project.normalize_all(), "normalized_stages")["fund-1"],
        materialized(project.run("verify_job"), "verification_report")[None],
    ]

    for page in pages:
        assert page["database"].startswith("stagenorm_test_")
        assert page["decisions"] == "…/stage_decisions.yaml (1 spelling decided)"
        assert page["configuration"] == "no stagenorm.toml: the two default targets"
