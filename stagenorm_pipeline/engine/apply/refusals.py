"""Turn the error of a row into its refusal."""

from stagenorm_pipeline.engine.plan.batch_types import Refusal
from stagenorm_pipeline.engine.postgres.connection import first_line, psycopg_error
from stagenorm_pipeline.errors import StagenormError

# A trigger can raise megabytes of text.
_MAX_MESSAGE_LENGTH = 500


class RewrittenError(StagenormError):
    """A trigger stored another stage than the one that was written."""

    def __init__(self) -> None:
        super().__init__(
            "A trigger stored another stage than the one that was written.",
            remedy="Change the trigger so that it keeps canonical stages, then run `stagenorm resume`.",
        )


def refusal_of(place: int, error: Exception) -> Refusal:
    """Return the refusal of the row at `place`."""
    if isinstance(error, RewrittenError):
        return Refusal(place=place, message=error.message, sqlstate=None)
    cause = psycopg_error(error)
    return Refusal(
        place=place, message=first_line(error)[:_MAX_MESSAGE_LENGTH], sqlstate=cause.sqlstate if cause else None
    )


def refusal_by(place: int, message: str | None, sqlstate: str | None) -> Refusal:
    """Return the refusal of the row at `place` by the error that the server caught. None: a trigger rewrote the row."""
    if message is None:
        return refusal_of(place, RewrittenError())
    lines = message.strip().splitlines() or ["The database gave no reason."]
    return Refusal(place=place, message=lines[0].strip()[:_MAX_MESSAGE_LENGTH], sqlstate=sqlstate)
