"""Find the home directory of everything local: the embedded server, Dagster's home, logs."""

import os
from pathlib import Path

from stagenorm_pipeline.errors import ConfigurationError


def home_directory() -> Path:
    """Return the absolute path of `STAGENORM_HOME`, or of `.stagenorm` in the current directory. Creates it if missing.

    Raises ConfigurationError if it cannot be created or is not a directory.
    """
    home = Path(os.environ.get("STAGENORM_HOME") or ".stagenorm").expanduser().absolute()
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"{home} cannot be used as the home of the local files: {error.strerror}.",
            remedy="Name another directory in STAGENORM_HOME.",
        ) from error
    return home.resolve()
