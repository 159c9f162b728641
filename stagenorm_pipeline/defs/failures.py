"""Turn stagenorm's errors into Dagster failures that show what is wrong and what to do, without a stack trace."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from stagenorm_pipeline.errors import StagenormError
from stagenorm_pipeline.report.escape import sentence_for_terminal
from stagenorm_pipeline.vocabulary import VocabularyError

# The metadata entry of a failure that an alert may repeat. Its description may quote a row, so an alert does not.
ERROR_CLASS = "error_class"


@contextmanager
def errors_as_failures() -> Iterator[None]:
    """Raise an error that a user can fix as a `Failure`. Anything else is a bug and keeps its stack trace."""
    try:
        yield
    except (StagenormError, VocabularyError) as error:
        # `from None`: Dagster would show the cause's stack trace and hide the message.
        raise failure(error) from None


def failure(error: StagenormError | VocabularyError) -> dg.Failure:
    """Return the error as a `Failure`, whose description the run page shows first."""
    # No retries: the engine has already retried what a retry can fix.
    return dg.Failure(
        description=sentence_for_terminal(str(error).replace("\n", " ")),
        metadata={ERROR_CLASS: type(error).__name__},
        allow_retries=False,
    )
