"""Check that every guard of stagenorm.toml can be read, and whether it would throttle or stop a run now."""

from collections.abc import Iterator

from stagenorm_pipeline.config.guards import GuardSettings
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.preflight.finding import PreflightCheck, PreflightFinding, PreflightLevel
from stagenorm_pipeline.engine.throttle.guard import read_guard
from stagenorm_pipeline.engine.throttle.throttler import CannotSeeError


def check(database: Database, guards: tuple[GuardSettings, ...]) -> Iterator[PreflightFinding]:
    for guard in guards:
        try:
            value = read_guard(database, guard)
        except CannotSeeError as error:
            # Not passing: the run would wait until somebody stops it.
            level = PreflightLevel.WARNING if error.is_passing else PreflightLevel.ERROR
            yield _finding(level, f"{error.message[0].upper()}{error.message[1:]}.", f"To fix it: {error.remedy}.")
            continue
        if guard.stop_if and guard.stop_if.is_met_by(value):
            yield _finding(
                PreflightLevel.WARNING,
                f"The guard {guard.name} is {value:,g}: a run would stop at once (stop_if is {guard.stop_if}).",
                "Wait until it is back within its bounds, or change stop_if in stagenorm.toml.",
            )
        elif guard.throttle_if and guard.throttle_if.is_met_by(value):
            yield _finding(
                PreflightLevel.INFO,
                f"The guard {guard.name} is {value:,g}: a run would wait now (throttle_if is {guard.throttle_if}).",
                "Nothing: the run starts when the guard is back within its bound.",
            )


def _finding(level: PreflightLevel, message: str, remedy: str) -> PreflightFinding:
    return PreflightFinding(check=PreflightCheck.GUARDS, level=level, target=None, message=message, remedy=remedy)
