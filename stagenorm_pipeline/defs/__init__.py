"""Dagster definitions: assets, checks, partitions, jobs, schedules, sensors.

They read the run config, call the service and format its results.
Importing this package, or loading the definitions, reads no environment variable and opens no connection.
"""

import dagster as dg

from stagenorm_pipeline.defs.definitions import build_defs


@dg.definitions
def definitions() -> dg.Definitions:
    """Return the definitions that `workspace.yaml` loads."""
    return build_defs()
