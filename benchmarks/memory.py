"""How much memory this process has used at most."""

import resource
from pathlib import Path


def peak_memory_mb() -> int:
    """Megabytes resident at the worst moment. On macOS as getrusage has it, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():
        # Not getrusage: on Linux that begins with the memory of the process that started this one.
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return round(int(line.split()[1]) / 1024)
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 / 1024)
