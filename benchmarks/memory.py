"""Measure the peak memory of this process."""

import resource
from pathlib import Path


def peak_memory_mb() -> int:
    """Return the peak resident memory in megabytes."""
    status = Path("/proc/self/status")
    if status.exists():
        # Not getrusage, because on Linux it includes the memory of the process that started this one.
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return round(int(line.split()[1]) / 1024)
    # macOS reports bytes.
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 / 1024)
