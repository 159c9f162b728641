"""How many examples of a property to try, where each example takes a database 50 ms of CPU or more."""

from hypothesis import HealthCheck, settings

# `make soak` loads a profile of 1,000 examples, `make test` one of 25.
_THOROUGH = 1_000
_TIMES = 20


def on_database(examples: int) -> settings:
    """Try so many examples in `make test`, and 20 times as many in `make soak`. They share one database."""
    times = _TIMES if settings.default is not None and settings.default.max_examples >= _THOROUGH else 1
    return settings(
        max_examples=times * examples, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
