"""Run preflight on an application, and run the SQL of its remedies."""

from collections.abc import Sequence

from stagenorm_pipeline.config.configuration import TargetSetting
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.preflight import PreflightCheck, PreflightFinding, run_preflight
from stagenorm_pipeline_tests.support.application import Application
from stagenorm_pipeline_tests.support.spellings import CANONICAL_STAGES

COMPANIES = TargetSetting(table="portfoliocompanies")
DEALS = TargetSetting(table="deal_opportunities")


def ask(
    application: Application,
    check: PreflightCheck | None = None,
    *,
    targets: Sequence[TargetSetting] = (COMPANIES,),
    url: str | None = None,
    dagster_url: str | None = None,
) -> list[PreflightFinding]:
    """Run preflight. Returns the findings of `check` (None: of all checks). `url` connects as another role."""
    database = Database.at(url or application.url)
    try:
        findings = run_preflight(database, tuple(targets), dagster_url=dagster_url, stages=CANONICAL_STAGES)
    finally:
        database.close()
    return [finding for finding in findings if check in (None, finding.check)]


def ask_for_one(
    application: Application,
    check: PreflightCheck,
    *,
    targets: Sequence[TargetSetting] = (COMPANIES,),
    url: str | None = None,
    dagster_url: str | None = None,
) -> PreflightFinding:
    """Run preflight. Returns the only finding of `check`."""
    (finding,) = ask(application, check, targets=targets, url=url, dagster_url=dagster_url)
    return finding


def follow(application: Application, finding: PreflightFinding) -> None:
    """Run the SQL of the remedy: the lines after its first one."""
    _, _, statements = finding.remedy.partition("\n")
    assert statements, f"no SQL in the remedy: {finding.remedy}"
    for statement in statements.splitlines():
        if not statement.startswith("--"):
            application.sql(statement)
