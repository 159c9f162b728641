"""Dagster definitions: assets, checks, partitions, jobs, schedules, sensors.

They read the run config, call the service and format its results.
Importing this package reads nothing. Loading the definitions reads stagenorm.toml and opens no connection.
"""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from stagenorm_pipeline.config.configuration import load_configuration
from stagenorm_pipeline.config.environment import read_environment


@contextmanager
def _without_beta_warnings() -> Iterator[None]:
    """Hide Dagster's warnings about its own beta features: its daemon loads the definitions again every minute."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        warnings.simplefilter("ignore", dg.PreviewWarning)
        yield


with _without_beta_warnings():
    from stagenorm_pipeline.defs.definitions import build_defs


@dg.definitions
def definitions() -> dg.Definitions:
    """Return the definitions that `workspace.yaml` loads. Raises ConfigurationError, which names the file and the key.

    Of the environment it reads only the name of the file: the URLs are for runs.
    """
    configuration = load_configuration(read_environment(os.environ).configuration_file, environment={})
    with _without_beta_warnings():
        return build_defs(configuration)
