"""Run all measurements and print one table for each, or write the figures as JSON: `python -m benchmarks`."""

import argparse
import json
from pathlib import Path

from benchmarks.anatomy import measure_anatomy
from benchmarks.applying import LAYOUTS, measure_applying
from benchmarks.neighbours import measure_neighbours
from benchmarks.planning import measure_planning
from benchmarks.refused import measure_refused
from benchmarks.server import server
from benchmarks.sessions import measure_link, measure_sessions
from benchmarks.starting import measure_starting
from benchmarks.table import markdown_table
from benchmarks.verifying import measure_verifying

_PARTS = ("applying", "sessions", "link", "anatomy", "refused", "planning", "verifying", "neighbours", "starting")
_NEIGHBOURS_ROWS = 1_000_000
# More rows give the same result, but take an hour.
_LAYOUTS_MOST_ROWS = 1_000_000


def main() -> None:
    arguments = _arguments()
    with server(arguments.shared_buffers) as found:
        report: dict[str, object] = {"settings": found.describe()}
        _show("Machine and settings", [{"what": name, "value": value} for name, value in found.describe().items()])
        for rows in arguments.rows if "applying" in arguments.parts else ():
            for layout in LAYOUTS if rows <= _LAYOUTS_MOST_ROWS else LAYOUTS[:1]:
                report[f"applying {rows}, {layout.name}"] = results = measure_applying(
                    found, rows, arguments.rounds, layout
                )
                _show(f"Applying, {rows:,} rows, {layout.name}, {arguments.rounds} rounds in turns, medians", results)
        for rows in arguments.rows if "sessions" in arguments.parts else ():
            report[f"sessions {rows}"] = results = measure_sessions(found, rows, arguments.rounds, arguments.parallel)
            _show(f"Sessions, {rows:,} rows, {arguments.rounds} rounds in turns, medians", results)
        for rows in arguments.rows if "link" in arguments.parts else ():
            report[f"link {rows}"] = results = measure_link(found, rows, arguments.rounds)
            _show(f"A link with a round trip of 5 ms, {rows:,} rows, {arguments.rounds} rounds in turns", results)
        for rows in arguments.rows if "anatomy" in arguments.parts else ():
            report[f"anatomy {rows}"] = results = measure_anatomy(found, rows, arguments.rounds)
            _show(f"Where the time goes, {rows:,} rows, {arguments.rounds} rounds in turns, medians", results)
        if "refused" in arguments.parts:
            report["refused"] = results = measure_refused(found, arguments.rounds)
            _show(f"Refused rows, {arguments.rounds} rounds in turns, medians", results)
        for rows in arguments.rows if "planning" in arguments.parts else ():
            report[f"planning {rows}"] = results = measure_planning(found, rows)
            _show(f"Planning, {rows:,} rows", results)
        for rows in arguments.rows if "verifying" in arguments.parts else ():
            report[f"verifying {rows}"] = results = measure_verifying(found, rows)
            _show(f"Verifying, {rows:,} rows", results)
        if "neighbours" in arguments.parts:
            report["neighbours"] = results = measure_neighbours(
                found, _NEIGHBOURS_ROWS, arguments.seconds, arguments.parallel
            )
            _show("The application: point reads and updates at 400/s during a migration", results)
        if "starting" in arguments.parts:
            report["starting"] = results = measure_starting(found)
            _show("Start-up", results)
    if arguments.output:
        arguments.output.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        print(f"Written to {arguments.output}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rows", type=_counts, default=[100_000, 1_000_000], help="e.g. 100000,1000000,10000000")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds of applying")
    parser.add_argument("--parts", type=lambda text: text.split(","), default=list(_PARTS), help=",".join(_PARTS))
    parser.add_argument("--parallel", type=_counts, default=[1, 2, 4], help="numbers of sessions, e.g. 1,2,4")
    parser.add_argument(
        "--seconds", type=int, default=20, help="how long the application's requests are measured in each setting"
    )
    parser.add_argument("--shared-buffers", default="128MB", help="of the embedded server, e.g. 4GB")
    parser.add_argument("--output", type=Path, help="write all figures here as JSON")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(_PARTS):
        parser.error(f"unknown parts: {', '.join(sorted(unknown))}")
    return arguments


def _counts(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _show(title: str, rows: list[dict[str, object]]) -> None:
    print(f"\n## {title}\n\n{markdown_table(rows)}", flush=True)


if __name__ == "__main__":
    main()
