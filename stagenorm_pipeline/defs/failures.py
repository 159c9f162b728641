"""The engine's errors as Dagster shows them best: what is wrong and what to do, instead of a stack trace."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from stagenorm_pipeline.engine.errors import StagenormError
from stagenorm_pipeline.report.escape import sentence_for_markdown, sentence_for_terminal
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
    """The error for the run page."""
    remedy = error.remedy if isinstance(error, StagenormError) else None
    message = error.message if isinstance(error, StagenormError) else str(error)
    return dg.Failure(
        description=sentence_for_terminal(f"{message} {remedy}" if remedy else message),
        metadata={"what to do": dg.MetadataValue.md(sentence_for_markdown(remedy))} if remedy else None,
        # Trying again mends no configuration, and the engine has tried again where that helps.
        allow_retries=False,
    )
