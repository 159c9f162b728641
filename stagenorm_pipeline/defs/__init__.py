"""The Dagster face: assets, checks, partitions, jobs, sensors, resources. Thin: the work is a call into `engine`.

Nothing connects or reads the environment when this is imported, nor when Dagster loads the definitions.
"""

import dagster as dg

from stagenorm_pipeline.defs.definitions import build_defs


@dg.definitions
def definitions() -> dg.Definitions:
    """What `workspace.yaml` loads."""
    return build_defs()
