"""Compare this tree's ratios with those of another revision: `make bench-compare REV=...`.

Both run on the same server in turns, so a busy machine slows both. Compare medians only where their ranges do not meet.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.server import server
from benchmarks.table import markdown_table

_PROJECT = Path(__file__).parents[1]
_ROUND = Path(__file__).with_name("compare_round.py")
_HERE = "this tree"


class CannotMeasureError(Exception):
    """A revision that does not exist, or whose benchmarks do not have what a round uses."""


def main() -> int:
    arguments = _arguments()
    try:
        with _worktree(arguments.revision) as other, server(arguments.shared_buffers) as found:
            directories = {_HERE: _PROJECT, arguments.revision: other}
            rounds: dict[str, list[dict[str, float]]] = {name: [] for name in directories}
            for number in range(arguments.rounds):
                # Each round starts with the other one, because the first of two may find colder caches.
                for name in list(directories)[:: -1 if number % 2 == 0 else 1]:
                    rounds[name].append(_measure(name, directories[name], found.url, arguments.rows))
                    print(f"round {number + 1} of {arguments.rounds}: {name} measured", file=sys.stderr)
    except CannotMeasureError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"\n## {arguments.rows:,} rows, {arguments.rounds} rounds in turns: median (lowest to highest)\n")
    print(markdown_table(_lines(rounds)))
    return 0


def _measure(name: str, directory: Path, url: str, rows: int) -> dict[str, float]:
    """Run one round in the revision's directory, whose packages come before the installed ones."""
    command = [sys.executable, "-c", _ROUND.read_text(encoding="utf-8"), str(rows)]
    environment = {**os.environ, "PYTHONPATH": str(directory), "STAGENORM_BENCH_DATABASE_URL": url}
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise CannotMeasureError(
            f"{name} cannot be measured: {reason}\n"
            "Its benchmarks or its packages are too different. Name a later revision in REV."
        )
    ratios: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return ratios


@contextmanager
def _worktree(revision: str) -> Iterator[Path]:
    """Check the revision out into a temporary directory, and remove that afterwards."""
    with tempfile.TemporaryDirectory(prefix="stagenorm-compare-") as directory:
        place = Path(directory) / "tree"
        added = _git("worktree", "add", "--detach", str(place), f"{revision}^{{commit}}")
        if added.returncode:
            raise CannotMeasureError(f"REV={revision} is no revision of this repository: {added.stderr.strip()}")
        try:
            yield place
        finally:
            _git("worktree", "remove", "--force", str(place))


def _git(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *arguments], cwd=_PROJECT, capture_output=True, text=True, check=False)


def _lines(rounds: dict[str, list[dict[str, float]]]) -> list[dict[str, object]]:
    ratios = dict.fromkeys(ratio for measured in rounds.values() for one in measured for ratio in one)
    return [
        {"ratio": ratio, **{name: _spread([one[ratio] for one in measured if ratio in one])
                            for name, measured in rounds.items()}}
        for ratio in ratios
    ]  # fmt: skip


def _spread(values: list[float]) -> str:
    """Format the median and the range; a way that this revision does not have is left empty."""
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})" if values else ""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-compare REV=REVISION", description=__doc__)
    parser.add_argument("revision", help="a commit, tag or branch of this repository")
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--shared-buffers", default="128MB", help="of the embedded server")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
