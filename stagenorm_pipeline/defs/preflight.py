"""Pre-flight before a plan is recorded: warnings go to the run's log, an error stops the run. No check belongs here."""

import dagster as dg

from stagenorm_pipeline.config.configuration import TargetSetting
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.preflight import PreflightFinding, PreflightLevel, run_preflight
from stagenorm_pipeline.errors import StagenormError
from stagenorm_pipeline.report.escape import sentence_for_terminal


def look_ahead(context: dg.AssetExecutionContext, database: Database, targets: tuple[TargetSetting, ...]) -> None:
    """Log what stands in the way. Raises StagenormError when something would make the run fail."""
    errors: list[PreflightFinding] = []
    for finding in run_preflight(database, targets):
        line = f"{finding.target or 'database'}: {finding.message} {finding.remedy}"
        if finding.level is PreflightLevel.ERROR:
            context.log.error(sentence_for_terminal(line))
            errors.append(finding)
        else:
            context.log.warning(sentence_for_terminal(line))
    if errors:
        raise StagenormError(f"{errors[0].target or 'database'}: {errors[0].message}", remedy=errors[0].remedy)
