"""The pre-flight checks: what would stop or surprise a run, found before it, each with its remedy.

One small check a file; `run` runs them all in one read-only transaction. Does not belong here: executing batches to
see what happens (the rehearsal), or deciding what to do about a finding.
"""

from stagenorm_pipeline.engine.preflight.finding import PreflightCheck, PreflightFinding, PreflightLevel
from stagenorm_pipeline.engine.preflight.run import run_preflight

__all__ = ["PreflightCheck", "PreflightFinding", "PreflightLevel", "run_preflight"]
