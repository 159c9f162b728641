"""Convert a check's result to the event that Dagster accepts outside a run."""

import dagster as dg


def runless_evaluation(result: dg.AssetCheckResult) -> dg.AssetCheckEvaluation:
    """Return the result as an evaluation. The result must name its asset and its check."""
    if result.asset_key is None or result.check_name is None:
        raise ValueError("The result must name its asset and its check.")
    return dg.AssetCheckEvaluation(
        asset_key=result.asset_key,
        check_name=result.check_name,
        passed=result.passed,
        severity=result.severity,
        description=result.description,
        metadata=result.metadata,
    )
