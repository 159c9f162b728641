"""Write metrics in the text format of Prometheus: their names, units and labels.

The only labels are target names and words from closed sets. Spellings and funds are no labels: 5,000 funds would be
tens of thousands of series. `docs/metrics.md` lists every metric.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import assert_never

from prometheus_client import generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from stagenorm_pipeline import __version__
from stagenorm_pipeline.engine.monitor.metrics import MetricsFacts, TargetMetrics
from stagenorm_pipeline.errors import StagenormError

_VERDICTS = ("passed", "passed_with_warnings", "failed")


class FactsCollector(Collector):
    """Collect the metrics, or only that the database could not be read."""

    def __init__(self, found: MetricsFacts | StagenormError) -> None:
        self._found = found

    def collect(self) -> Iterator[Metric]:
        return metric_families(self._found)


def metrics_text(found: MetricsFacts | StagenormError) -> str:
    """Write all metrics, for standard output or a file."""
    return generate_latest(FactsCollector(found)).decode()


def metric_families(found: MetricsFacts | StagenormError) -> Iterator[Metric]:
    """Yield the metrics with their help. If the database could not be read: only that fact and the build."""
    yield _gauge("stagenorm_up", "Whether the database could be read: 1 or 0.", isinstance(found, MetricsFacts))
    yield _labelled("stagenorm_build_info", "The version of stagenorm, always 1.", "version", {__version__: 1})
    match found:
        case MetricsFacts():
            yield from _families(found)
        case StagenormError():
            return
        case _:
            assert_never(found)


def _families(facts: MetricsFacts) -> Iterator[Metric]:
    yield _labelled("stagenorm_rows", "Rows of the current plans by outcome.", "outcome", facts.rows)
    yield _labelled("stagenorm_batches", "Batches of the current plans by their status.", "status", facts.batches)
    changed = CounterMetricFamily(
        "stagenorm_changed_rows", "Rows changed by all plans so far, by what changed them.", labels=["action"]
    )
    for action, rows in facts.changed_rows.items():
        changed.add_metric([action], rows)
    yield changed
    yield _gauge(
        "stagenorm_quarantined_rows",
        "Unresolved rows that the database refused.",
        facts.quarantined_rows,
    )
    yield _gauge("stagenorm_paused", "Whether all runners are paused: 1 or 0.", facts.paused)
    yield _labelled("stagenorm_runners", "Runners that are alive, by what they do.", "state", facts.runners)
    yield from _times(facts)
    yield from _targets(facts.targets)


def _times(facts: MetricsFacts) -> Iterator[Metric]:
    yield _time(
        "stagenorm_last_batch_timestamp_seconds", "When the last batch of the current plans ended.", facts.last_batch_at
    )
    yield _time(
        "stagenorm_held_since_timestamp_seconds",
        "Since when a runner is throttled; absent if none is.",
        facts.held_since,
    )


def _targets(targets: tuple[TargetMetrics, ...]) -> Iterator[Metric]:
    counted = [target for target in targets if target.counted_at is not None]
    yield _labelled(
        "stagenorm_unknown_rows",
        "Rows with an unknown spelling, as the newest plan over all funds counted them.",
        "target",
        {target.name: target.unknown_rows or 0 for target in counted},
    )
    yield _labelled(
        "stagenorm_unknown_spellings",
        "Different unknown spellings, as the newest plan over all funds counted them.",
        "target",
        {target.name: target.unknown_spellings or 0 for target in counted},
    )
    yield _times_of(
        "stagenorm_inventory_timestamp_seconds", "When that plan counted.", ((t.name, t.counted_at) for t in targets)
    )
    verdict = GaugeMetricFamily(
        "stagenorm_verification_verdict",
        "1 for the verdict of the last verification over all funds, 0 for the others.",
        labels=["target", "verdict"],
    )
    for target in targets:
        for word in _VERDICTS if target.verdict is not None else ():
            verdict.add_metric([target.name, word], float(target.verdict == word))
    yield verdict
    yield _times_of(
        "stagenorm_verification_timestamp_seconds",
        "When that verification was.",
        ((t.name, t.verified_at) for t in targets),
    )
    yield _times_of(
        "stagenorm_backup_timestamp_seconds",
        "When the newest backup was made.",
        ((t.name, t.saved_at) for t in targets),
    )


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(name, words, value=float(value))


def _labelled(name: str, words: str, label: str, values: Mapping[str, int]) -> Metric:
    family = GaugeMetricFamily(name, words, labels=[label])
    for text, value in values.items():
        family.add_metric([text], value)
    return family


def _time(name: str, words: str, moment: datetime | None) -> Metric:
    family = GaugeMetricFamily(name, words)
    if moment is not None:
        family.add_metric([], moment.timestamp())
    return family


def _times_of(name: str, words: str, moments: Iterable[tuple[str, datetime | None]]) -> Metric:
    family = GaugeMetricFamily(name, words, labels=["target"])
    for target, moment in moments:
        if moment is not None:
            family.add_metric([target], moment.timestamp())
    return family
