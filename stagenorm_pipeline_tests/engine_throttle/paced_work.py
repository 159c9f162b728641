"""What the killed programs of these tests do: apply what waits, several batches a transaction."""

from stagenorm_pipeline.engine.apply import ApplyRequest, ApplyResult, apply_batches
from stagenorm_pipeline.engine.connection import Database
from stagenorm_pipeline.engine.pacing import Pacing


def apply_paced(database: Database) -> ApplyResult:
    return apply_batches(database, ApplyRequest("paced", "test", sleep_ms=0, pacing=Pacing()))
