"""Apply the open batches in groups, several per transaction, for programs that tests kill."""

from stagenorm_pipeline.config.pacing import Pacing
from stagenorm_pipeline.engine.apply.runner import ApplyRequest, ApplyResult, apply_batches
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.identity import worker_name


def apply_paced(database: Database) -> ApplyResult:
    # Each process needs its own name: a runner that finds a batch completed under its name takes it for its own work.
    return apply_batches(
        database, ApplyRequest(worker=worker_name("paced"), run_by="test", sleep_ms=0, pacing=Pacing())
    )
