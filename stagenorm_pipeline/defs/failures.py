"""The engine's errors as Dagster shows them best: what is wrong and what to do first, without a cause's stack trace."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from stagenorm_pipeline.errors import StagenormError
from stagenorm_pipeline.report.escape import sentence_for_terminal
from stagenorm_pipeline.vocabulary import VocabularyError


@contextmanager
def errors_as_failures() -> Iterator[None]:
    """Raise what a person can mend as a Failure. Anything else is a bug or a crash, and keeps its stack trace."""
    try:
        yield
    except (StagenormError, VocabularyError) as error:
        # From None: the cause's stack trace would be shown below the sentence, and hide it.
        raise failure(error) from None


def failure(error: StagenormError | VocabularyError) -> dg.Failure:
    """The error for the run page, which shows the description first and Dagster's own frames below it."""
    # Trying again mends no configuration, and the engine has tried again where that helps.
    return dg.Failure(description=sentence_for_terminal(str(error).replace("\n", " ")), allow_retries=False)
