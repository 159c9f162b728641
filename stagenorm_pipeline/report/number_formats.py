"""Write counts, times and durations for people."""

from datetime import UTC, datetime


def number(count: int) -> str:
    """Write a count for people."""
    return f"{count:,}"


def moment(when: datetime) -> str:
    """Write a time for people, to the second, in UTC."""
    return when.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def duration(milliseconds: int) -> str:
    """Write a duration for people."""
    if milliseconds < 1_000:
        return f"{milliseconds} ms" if milliseconds else "under 1 ms"
    seconds = milliseconds / 1_000
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.1f} min"
