"""Apply the open batches of plans, in one session or in several at once.

PostgreSQL holds all progress: after a runner is killed there is nothing to repair, and any other runner continues.
"""

from contextlib import suppress

import psycopg
from sqlalchemy.exc import DBAPIError

from stagenorm_pipeline.engine.apply.request import ApplyRequest, ApplyResult
from stagenorm_pipeline.engine.apply.session import Session
from stagenorm_pipeline.engine.apply.session_threads import SessionThreads
from stagenorm_pipeline.engine.apply.shared_work import SharedWork
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.failpoints import Failpoint, failpoint
from stagenorm_pipeline.errors import StagenormError

__all__ = ["ApplyRequest", "ApplyResult", "apply_batches"]


def apply_batches(database: Database, request: ApplyRequest) -> ApplyResult:
    """Claim and run every waiting batch in the scope, each once.

    A failed batch does not stop the others; three failed batches in a row do. Raises StagenormError when the database
    cannot be reached after the retries, refuses the privileges, or lacks the migrations, and OtherVocabularyError
    before the first batch of a plan that was made with another vocabulary. With several sessions, the error of one ends
    the others after their current batch.
    """
    threads = SessionThreads(request.watch)
    shared = SharedWork(database, request, threads.tell)
    shared.find_work()
    try:
        threads.run(lambda: Session(shared).run, shared)
        failpoint(Failpoint.APPLY_BEFORE_CLOSE)
        return shared.finish()
    finally:
        shared.waits.close()
        # Best effort: this row is informational, and an error here must not mask the original one.
        with suppress(DBAPIError, psycopg.Error, StagenormError):
            shared.end_entry()
