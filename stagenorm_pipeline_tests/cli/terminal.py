"""`stagenorm` as a user types it: a process of its own, with nothing of this one's environment but what is named."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Ran:
    """What came back."""

    code: int
    out: str
    err: str

    @property
    def all(self) -> str:
        return self.out + self.err


def stagenorm(
    *arguments: str, url: str | None = None, directory: Path | None = None, environment: Mapping[str, str] | None = None
) -> Ran:
    """Run the command and wait."""
    clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    if url is not None:
        clean["DATABASE_URL"] = url
    finished = subprocess.run(
        [sys.executable, "-m", "stagenorm_pipeline.cli", *arguments],
        env={**clean, **(environment or {})},
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return Ran(finished.returncode, finished.stdout, finished.stderr)
