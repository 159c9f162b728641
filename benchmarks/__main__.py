"""`python -m benchmarks`: all measurements, one table each, and the same figures as JSON."""

import argparse
import json
from pathlib import Path

from benchmarks.applying import measure_applying
from benchmarks.neighbours import measure_neighbours
from benchmarks.planning import measure_planning
from benchmarks.server import server
from benchmarks.starting import measure_starting
from benchmarks.table import markdown_table

_PARTS = ("applying", "planning", "neighbours", "starting")
_NEIGHBOURS_ROWS = 1_000_000


def main() -> None:
    arguments = _arguments()
    with server() as found:
        report: dict[str, object] = {"settings": found.describe()}
        _show("Machine and settings", [{"what": name, "value": value} for name, value in found.describe().items()])
        for rows in arguments.rows if "applying" in arguments.parts else ():
            report[f"applying_{rows}"] = results = measure_applying(found, rows, arguments.rounds)
            _show(f"Applying, {rows:,} rows, {arguments.rounds} interleaved rounds, medians", results)
            report[f"applying_{rows}_clustered"] = results = measure_applying(
                found, rows, arguments.rounds, clustered=True
            )
            _show(f"The same with each fund's rows together, {rows:,} rows", results)
        for rows in arguments.rows if "planning" in arguments.parts else ():
            report[f"planning_{rows}"] = results = measure_planning(found, rows)
            _show(f"Planning, {rows:,} rows", results)
        if "neighbours" in arguments.parts:
            report["neighbours"] = results = measure_neighbours(found, _NEIGHBOURS_ROWS, arguments.seconds)
            _show("Neighbours: point reads and updates at 400/s beside a migration", results)
        if "starting" in arguments.parts:
            report["starting"] = results = measure_starting(found)
            _show("Start-up", results)
    if arguments.output:
        arguments.output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        print(f"Written to {arguments.output}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rows", type=_row_counts, default=[100_000, 1_000_000], help="e.g. 100000,1000000,10000000")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds of applying")
    parser.add_argument("--parts", type=lambda text: text.split(","), default=list(_PARTS), help=",".join(_PARTS))
    parser.add_argument("--seconds", type=int, default=20, help="how long neighbours are watched in each setting")
    parser.add_argument("--output", type=Path, help="write all figures here as JSON")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(_PARTS):
        parser.error(f"unknown parts: {', '.join(sorted(unknown))}")
    return arguments


def _row_counts(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _show(title: str, rows: list[dict[str, object]]) -> None:
    print(f"\n## {title}\n\n{markdown_table(rows)}", flush=True)


if __name__ == "__main__":
    main()
