"""Write how long a plan takes, and where that comes from. Pure."""

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.engine.monitor.estimate import (
    DurationEstimate,
    Estimate,
    NothingAhead,
    NotMeasured,
    PlannedPace,
    SecondsRange,
)
from stagenorm_pipeline.report.number_formats import duration


def estimate_sentence(estimate: DurationEstimate) -> str:
    """Write the estimate in one sentence with its source. Empty if nothing is to be done."""
    match estimate:
        case NothingAhead():
            return ""
        case NotMeasured(batches=batches, sleep=sleep, pace=pace):
            slept = f" The sleeps between {counted(batches, 'batch')} take {time_range(sleep)}." if sleep.high else ""
            why = "too few batches were applied to this database so far"
            return f"How long it takes is not known: {why}.{slept}{_pace(pace)}"
        case Estimate(total=total, batches=batches, batch=batch, sleep=sleep, pace=pace):
            each = f"{counted(batches, 'batch')} at {time_range(batch)}{' each' if batches > 1 else ''}"
            slept = f", plus {time_range(sleep)} of sleep" if sleep.high else ""
            return f"About {time_range(total)}: {each} (from {_source(estimate)}){slept}.{_pace(pace)}"


def _source(estimate: Estimate) -> str:
    past = counted(estimate.measured_batches, "past batch")
    return past if estimate.is_same_target else f"{past}, also of other tables"


def _pace(pace: PlannedPace) -> str:
    sessions = f" In {counted(pace.parallel, 'session')}." if pace.parallel > 1 else ""
    return f"{sessions} The pace is tuned for all runners." if pace.is_tuned else sessions


def time_range(seconds: SecondsRange) -> str:
    """Write a range with one unit if both ends have the same: 12 to 19 min, 50 s to 2 min."""
    low, high = _time(seconds.low), _time(seconds.high)
    if low == high:
        return low
    (low_number, low_unit), (_, high_unit) = low.rsplit(" ", 1), high.rsplit(" ", 1)
    return f"{low_number if low_unit == high_unit else low} to {high}"


def _time(seconds: float) -> str:
    """Write a duration with two digits at most."""
    if seconds < 1:
        return duration(round(seconds * 1_000))
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 600:
        return f"{seconds / 60:.1f} min"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3_600:.1f} h"
