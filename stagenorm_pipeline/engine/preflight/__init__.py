"""Preflight: find what would stop or surprise a run before it starts, and say how to fix it.

`checks` has one file per check; `run` runs them all in one read-only transaction. A rehearsal, which executes the
batches and rolls them back, is in `engine/apply`.
"""

from stagenorm_pipeline.engine.preflight.finding import PreflightCheck, PreflightFinding, PreflightLevel
from stagenorm_pipeline.engine.preflight.run import run_preflight

__all__ = ["PreflightCheck", "PreflightFinding", "PreflightLevel", "run_preflight"]
