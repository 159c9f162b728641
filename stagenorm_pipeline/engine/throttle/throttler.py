"""What a throttler is: something that looks at a reading and can say why to hold.

Does not belong here: what follows from holding, or from being blind (see `throttle`).
"""

from typing import Protocol

from stagenorm_pipeline.config.throttle import ThrottlerName
from stagenorm_pipeline.engine.throttle.probe import Reading


class CannotSeeError(Exception):
    """A throttler cannot see what it watches. `message` says why, `remedy` what would let it see.

    `is_passing`: it may see again in a moment, as when the server was too busy to answer in time. `is_wrong`: as an
    event says it.
    """

    def __init__(self, message: str, remedy: str, *, is_passing: bool = False, is_wrong: bool = True) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.is_passing = is_passing
        self.is_wrong = is_wrong


class Throttler(Protocol):
    """One reason to hold. `is_asked_for`: a person named what it watches, so blindness is never passed over."""

    @property
    def name(self) -> ThrottlerName: ...

    @property
    def is_asked_for(self) -> bool: ...

    def look(self, reading: Reading, table: str) -> str | None:
        """Why no batch on `table` (schema.table) should start now; None when nothing speaks against it.

        Raises CannotSeeError.
        """
        ...

    def close(self) -> None:
        """Let go of what it holds open."""
        ...
