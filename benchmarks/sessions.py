"""Measure what several sessions and a slow link do to the rate: ratios within the same round."""

import statistics
from collections.abc import Sequence

from benchmarks.applying import Result, measure_once
from benchmarks.contestants import LIMIT, Contestant, stagenorm, stagenorm_over
from benchmarks.data import fill
from benchmarks.server import Server

_ROUND_TRIP_S = 0.005
_BATCH_SIZES = (5_000, 1_000)


def measure_sessions(server: Server, rows: int, rounds: int, sessions: Sequence[int]) -> list[dict[str, object]]:
    """Run the limit, and this engine with each number of sessions, in turns."""
    ways = [stagenorm(5_000, parallel=number) for number in sessions]
    return [result.as_json() for result in _in_turns(server, rows, rounds, [LIMIT, *ways])]


def measure_link(server: Server, rows: int, rounds: int) -> list[dict[str, object]]:
    """Run this engine locally and over a link with a round trip of 5 ms, in turns. `times_local`: how much longer."""
    report: list[dict[str, object]] = []
    for batch_size in _BATCH_SIZES:
        ways = [stagenorm(batch_size), stagenorm_over(_ROUND_TRIP_S, batch_size)]
        local, slow = _in_turns(server, rows, rounds, ways)
        pairs = zip(slow.rounds, local.rounds, strict=True)
        times = [over_link.seconds / at_home.seconds for over_link, at_home in pairs]
        report.append(
            {
                "name": ways[0].name,
                "rounds": rounds,
                "local_seconds": round(statistics.median(one.seconds for one in local.rounds), 2),
                "link_seconds": round(statistics.median(one.seconds for one in slow.rounds), 2),
                "times_local": round(statistics.median(times), 2),
                "lowest": round(min(times), 2),
                "highest": round(max(times), 2),
            }
        )
    return report


def _in_turns(server: Server, rows: int, rounds: int, ways: Sequence[Contestant]) -> list[Result]:
    """Run each way once a round. A ratio is the rate against the first way's in the same round."""
    template = f"bench_{rows}"
    server.create(template)
    with server.connect(template) as connection:
        fill(connection, rows)
    server.add_tracking_tables(template)
    results = [Result(name=way.name) for way in ways]
    for _ in range(rounds):
        for way, result in zip(ways, results, strict=True):
            measured, _ = measure_once(server, template, way)
            result.rounds.append(measured)
            result.ratios.append(results[0].rounds[-1].seconds / measured.seconds)
    server.drop(template)
    return results
