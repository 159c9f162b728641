"""Dagster definitions: assets, checks, partitions, jobs, schedules, sensors.

They read the run config, call the service and format its results.
Importing this package reads nothing. Loading the definitions reads stagenorm.toml and opens no connection.
"""

import os

import dagster as dg

from stagenorm_pipeline.config.configuration import load_configuration
from stagenorm_pipeline.config.environment import read_environment
from stagenorm_pipeline.defs.beta_warnings import without_beta_warnings

with without_beta_warnings():
    from stagenorm_pipeline.defs.dagster_internals import fork_runs_from_warm_process
    from stagenorm_pipeline.defs.definitions import build_defs


@dg.definitions
def definitions() -> dg.Definitions:
    """Return the definitions that `workspace.yaml` loads. Raises ConfigurationError, which names the file and the key.

    Of the environment it reads only the name of the file and STAGENORM_WARM_RUNS: the URLs are for runs.
    """
    # Set by `stagenorm ui` for its code server. Removed, because the processes of runs load the definitions, too.
    if os.environ.pop("STAGENORM_WARM_RUNS", ""):
        fork_runs_from_warm_process()
    file = read_environment(os.environ).configuration_file
    return build_defs(load_configuration(file, environment={}))
