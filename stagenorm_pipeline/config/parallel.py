"""How many sessions one runner may have: `--parallel`."""

from stagenorm_pipeline.errors import ConfigurationError

# More do not help: the sessions share one disk and one WAL. Each takes a connection of the server.
MOST_SESSIONS = 16


def require_sessions(parallel: int) -> None:
    """Raise ConfigurationError unless a runner may have so many sessions."""
    if not 1 <= parallel <= MOST_SESSIONS:
        raise ConfigurationError(
            f"parallel is {parallel:,}, which is out of bounds.", remedy=f"Choose 1 to {MOST_SESSIONS} sessions."
        )
