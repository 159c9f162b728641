"""The only module that uses parts of Dagster outside its documented interface.

`test_dagster_internals.py` pins what these functions rely on. Run it first when you upgrade Dagster.
"""

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import dagster as dg
from dagster._core.events import AssetObservationData, StepMaterializationData
from dagster._core.instance.utils import RUNLESS_JOB_NAME, RUNLESS_RUN_ID
from dagster._core.scheduler.instigation import InstigatorState, TickStatus
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.tags import REPOSITORY_LABEL_TAG

# Each group of events is one INSERT.
_EVENTS_PER_INSERT = 1_000

# Several ticks may end between two looks at them.
_TICKS_READ = 5
# Without those that a run has only planned.
_EVALUATED = {AssetCheckExecutionRecordStatus.SUCCEEDED, AssetCheckExecutionRecordStatus.FAILED}
_ENDED_TICKS = [TickStatus.SUCCESS, TickStatus.SKIPPED, TickStatus.FAILURE]


@dataclass(frozen=True, slots=True, kw_only=True)
class FailingTicks:
    """A sensor or schedule whose newest tick failed, or one that ended in the last `recent_s` seconds."""

    name: str
    error_class: str | None


def failing_ticks(context: dg.SensorEvaluationContext, *, recent_s: float) -> Iterator[FailingTicks]:
    """Return the failing sensors and schedules of the sensor's code location."""
    for state in context.instance.all_instigator_state():
        origin = state.origin.repository_origin
        if not _is_own(context, f"{origin.repository_name}@{origin.code_location_origin.location_name}"):
            continue
        if (failing := _failing(context.instance, state, time.time() - recent_s)) is not None:
            yield failing


def _failing(instance: dg.DagsterInstance, state: InstigatorState, since: float) -> FailingTicks | None:
    ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=_TICKS_READ, statuses=_ENDED_TICKS)
    failed = [tick for tick in ticks if tick.is_failure and (tick is ticks[0] or tick.timestamp >= since)]
    if not failed:
        return None
    error = failed[0].error
    # Dagster wraps the error of a sensor's function in one of its own.
    return FailingTicks(name=state.instigator_name, error_class=(error.cause or error).cls_name if error else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailingCheck:
    """A check whose newest evaluation failed; if it is partitioned, of this partition.

    `evaluation` is None for a partition: only its status is read, since there may be thousands.
    """

    key: dg.AssetCheckKey
    run_id: str
    partition: str | None
    evaluation: dg.AssetCheckEvaluation | None


def failing_checks(context: dg.SensorEvaluationContext) -> Iterator[FailingCheck]:
    """Return the failing checks of the sensor's code location, one for each failing partition."""
    if context.repository_def is None:
        return
    graph, storage = context.repository_def.asset_graph, context.instance.event_log_storage
    for key in sorted(graph.asset_check_keys):
        if graph.get(key).partitions_def is not None:
            for info in storage.get_asset_check_partition_info([key]):
                if info.partition_key and info.latest_execution_status is AssetCheckExecutionRecordStatus.FAILED:
                    yield FailingCheck(key=key, run_id="", partition=info.partition_key, evaluation=None)
            continue
        for record in storage.get_asset_check_execution_history(key, limit=1, status=_EVALUATED):
            event = record.event.dagster_event if record.event is not None else None
            if event is not None and not event.asset_check_evaluation_data.passed:
                evaluation = event.asset_check_evaluation_data
                yield FailingCheck(key=key, run_id=record.run_id, partition=None, evaluation=evaluation)


def is_run_of(context: dg.SensorEvaluationContext, run: dg.DagsterRun) -> bool:
    """Say whether a run is of the sensor's code location. An instance may be shared with other projects.

    A run that was started without a code location, such as by `dagster asset materialize`, is recognized by its job
    and its assets.
    """
    label = run.tags.get(REPOSITORY_LABEL_TAG)
    if label is not None:
        return _is_own(context, label)
    repository = context.repository_def
    if repository is None:
        return False
    if run.asset_selection:
        return set(run.asset_selection) <= set(repository.asset_graph.get_all_asset_keys())
    return repository.has_job(run.job_name)


def _is_own(context: dg.SensorEvaluationContext, label: str) -> bool:
    location = context.code_location_origin
    return location is None or label == f"{context.repository_name}@{location.location_name}"


def partition_range_tags(first: str, last: str) -> dict[str, str]:
    """Return the tags with which one run covers the partitions from `first` to `last`, both included."""
    return {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}


def create_pool(instance: dg.DagsterInstance, pool: str) -> None:
    """Create the pool with the instance's default limit, unless it exists.

    Dagster creates a pool when its first run is queued, and does not limit the runs queued until then.
    """
    # Dagster 1.13 fails on PostgreSQL when it initializes a pool that exists.
    if pool not in {limit.name for limit in instance.event_log_storage.get_pool_limits()}:
        instance.event_log_storage.initialize_concurrency_limit_to_default(pool)


def report_runless_events(
    instance: dg.DagsterInstance, events: Sequence[dg.AssetMaterialization | dg.AssetObservation]
) -> None:
    """Record asset events outside any run, many per statement.

    `report_runless_asset_event` records one event per transaction: 33 ms each when measured, against 0.8 ms here.
    For 5,000 funds that is minutes against seconds.
    """
    materializations = [_materialization(event) for event in events if isinstance(event, dg.AssetMaterialization)]
    observations = [_observation(event) for event in events if isinstance(event, dg.AssetObservation)]
    # Two passes: all events of one INSERT must be of one type.
    for entries in (materializations, observations):
        for chunk in _chunks(entries):
            instance.event_log_storage.store_event_batch(chunk)


def _materialization(event: dg.AssetMaterialization) -> dg.EventLogEntry:
    return _entry("ASSET_MATERIALIZATION", StepMaterializationData(event))


def _observation(event: dg.AssetObservation) -> dg.EventLogEntry:
    return _entry("ASSET_OBSERVATION", AssetObservationData(event))


def _entry(event_type: str, data: StepMaterializationData | AssetObservationData) -> dg.EventLogEntry:
    event = dg.DagsterEvent(event_type_value=event_type, event_specific_data=data, job_name=RUNLESS_JOB_NAME)
    return dg.EventLogEntry(  # type: ignore[no-untyped-call]
        error_info=None,
        level=logging.INFO,
        user_message="",
        run_id=RUNLESS_RUN_ID,
        timestamp=time.time(),
        job_name=RUNLESS_JOB_NAME,
        dagster_event=event,
    )


def _chunks(entries: Sequence[dg.EventLogEntry]) -> Iterator[Sequence[dg.EventLogEntry]]:
    return (entries[start : start + _EVENTS_PER_INSERT] for start in range(0, len(entries), _EVENTS_PER_INSERT))
