"""The interface of a throttler."""

from typing import Protocol

from stagenorm_pipeline.config.throttle import ThrottlerName
from stagenorm_pipeline.engine.throttle.probe import Reading


class CannotSeeError(Exception):
    """A throttler cannot read what it watches. `message` says why, `remedy` what to do about it.

    `is_passing`: it may succeed again soon, for example when the server was too busy to answer in time. `is_wrong`: as
    in the event `Unwatched`.
    """

    def __init__(self, message: str, remedy: str, *, is_passing: bool = False, is_wrong: bool = True) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.is_passing = is_passing
        self.is_wrong = is_wrong


class Throttler(Protocol):
    """One kind of pressure to wait for. `is_required`: a user named what it watches, so it must be readable."""

    @property
    def name(self) -> ThrottlerName: ...

    @property
    def is_required(self) -> bool: ...

    def reason(self, reading: Reading, table: str) -> str | None:
        """Return why no batch on `table` (schema.table) should start now; None if it may.

        Raises CannotSeeError.
        """
        ...

    def close(self) -> None:
        """Close the connections that it keeps open."""
        ...
