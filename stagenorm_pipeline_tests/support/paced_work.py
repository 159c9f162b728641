"""What the killed programs of these tests do: apply what waits, several batches a transaction."""

from stagenorm_pipeline.config.pacing import Pacing
from stagenorm_pipeline.engine.apply.runner import ApplyRequest, ApplyResult, apply_batches
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.identity import worker_name


def apply_paced(database: Database) -> ApplyResult:
    # Named by its process: one that finds a batch done under its own name takes it for its own, whose answer got lost.
    return apply_batches(
        database, ApplyRequest(worker=worker_name("paced"), run_by="test", sleep_ms=0, pacing=Pacing())
    )
