"""Where the local things live: the embedded server, Dagster's home, logs. What is kept in there is each part's own."""

import os
from pathlib import Path

from stagenorm_pipeline.errors import ConfigurationError


def home_directory() -> Path:
    """The absolute path of `STAGENORM_HOME`, else of `.stagenorm` in the current directory; created when missing.

    Raises ConfigurationError when it cannot be made or is no directory.
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
