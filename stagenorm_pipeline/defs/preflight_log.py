"""Log the preflight findings in Dagster's run log."""

import logging

from stagenorm_pipeline.engine.preflight import PreflightLevel
from stagenorm_pipeline.report.escape import sentence_for_terminal
from stagenorm_pipeline.service.preflight import PreflightResult

_LEVELS = {
    PreflightLevel.ERROR: logging.ERROR,
    PreflightLevel.WARNING: logging.WARNING,
    PreflightLevel.INFO: logging.INFO,
}


def log_findings(log: logging.Logger, result: PreflightResult) -> None:
    """Log each finding with its remedy, at its own level."""
    for finding in result.findings:
        line = f"{finding.target or 'database'}: {finding.message} {finding.remedy}"
        log.log(_LEVELS[finding.level], sentence_for_terminal(line))
