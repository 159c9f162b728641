"""The only module that uses parts of Dagster outside its documented interface.

`test_dagster_internals.py` pins what these functions rely on. Run it first when you upgrade Dagster.
"""

import logging
import multiprocessing
import multiprocessing.forkserver
import time
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC
from typing import Any, TypeVar

import dagster as dg
import sqlalchemy as sa
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData,
)
from dagster._core.definitions.data_version import (
    CODE_VERSION_TAG,
    DATA_VERSION_TAG,
    NULL_EVENT_POINTER,
    get_input_data_version_tag,
    get_input_event_pointer_tag,
)
from dagster._core.events import AssetObservationData, StepMaterializationData
from dagster._core.instance.utils import RUNLESS_JOB_NAME, RUNLESS_RUN_ID
from dagster._core.scheduler.instigation import InstigatorState, TickStatus
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecord,
    AssetCheckExecutionRecordStatus,
)
from dagster._core.storage.event_log import SqlEventLogStorage
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
from dagster._core.storage.tags import REPOSITORY_LABEL_TAG
from dagster_postgres.event_log import PostgresEventLogStorage
from dagster_shared.record import replace

# Each group of events is one INSERT.
_EVENTS_PER_INSERT = 1_000

# Several ticks may end between two looks at them.
_TICKS_READ = 5
# Without those that a run has only planned.
_FAILED = frozenset({AssetCheckExecutionRecordStatus.FAILED})
_EVALUATED = _FAILED | {AssetCheckExecutionRecordStatus.SUCCEEDED}
# An alert names no more.
_FAILING_PARTITIONS_READ = 200
_IMPORTED_BY_RUNS = ["dagster._cli", "dagster._grpc.impl", "dagster_postgres.storage", "stagenorm_pipeline.defs"]
_ENDED_TICKS = [TickStatus.SUCCESS, TickStatus.SKIPPED, TickStatus.FAILURE]

AssetEvent = dg.AssetMaterialization | dg.AssetObservation
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownEvent:
    """The newest event of a partition: what its page shows. `is_materialization` False: an observation."""

    storage_id: int
    partition: str | None
    is_materialization: bool
    metadata: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownVerdict:
    """The newest evaluation of a check. `is_current` False: its asset was materialized since, so no page shows it."""

    passed: bool
    is_current: bool
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionVerdict:
    """The newest evaluation of a check for one partition. `is_current` as above; `storage_id`: of its event."""

    storage_id: int
    passed: bool
    is_current: bool


def partition_range_tags(first: str, last: str) -> dict[str, str]:
    """Return the tags with which one run covers the partitions from `first` to `last`, both included."""
    return {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}


def lineage_tags(data_version: str, inputs: Mapping[dg.AssetKey, str]) -> dict[str, str]:
    """Return the tags of a materialization that is no output of a step: its version, and those of its inputs.

    Dagster sets them for outputs only. Without them it compares times, and says "Unsynced" when an input was reported
    later.
    """
    tags = {CODE_VERSION_TAG: "", DATA_VERSION_TAG: data_version}
    for key, version in inputs.items():
        tags |= {get_input_data_version_tag(key): version, get_input_event_pointer_tag(key): NULL_EVENT_POINTER}
    return tags


def fork_runs_from_warm_process() -> None:
    """Let this code server fork the processes of its runs from one that has imported everything already.

    Dagster starts each as a new interpreter, which imports for 4 s of CPU before the first step.
    """
    from dagster._grpc.server import DagsterApiServer

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_IMPORTED_BY_RUNS)
    # The server has set its own before it loads the definitions, so the attribute of the object is too late.
    DagsterApiServer._mp_ctx = property(lambda _: context, lambda _, __: None)  # type: ignore[assignment]
    multiprocessing.forkserver.ensure_running()


def create_pool(instance: dg.DagsterInstance, pool: str) -> None:
    """Create the pool with the instance's default limit, unless it exists.

    Dagster creates a pool when its first run is queued, and does not limit the runs queued until then.
    """
    # Dagster 1.13 fails on PostgreSQL when it initializes a pool that exists.
    if pool not in {limit.name for limit in instance.event_log_storage.get_pool_limits()}:
        instance.event_log_storage.initialize_concurrency_limit_to_default(pool)


def report_runless_events(instance: dg.DagsterInstance, events: Sequence[AssetEvent | dg.AssetCheckEvaluation]) -> None:
    """Record asset events outside any run, many per statement: materializations, observations, then evaluations.

    `report_runless_asset_event` records one event per transaction: 33 ms each when measured, against 0.8 ms here.
    For 5,000 funds that is minutes against seconds.
    """
    materializations = [_materialization(event) for event in events if isinstance(event, dg.AssetMaterialization)]
    observations = [_observation(event) for event in events if isinstance(event, dg.AssetObservation)]
    # Two passes: all events of one INSERT must be of one type.
    for entries in (materializations, observations):
        for chunk in _chunks(entries):
            instance.event_log_storage.store_event_batch(chunk)
    evaluations = [event for event in events if isinstance(event, dg.AssetCheckEvaluation)]
    for evaluated in _chunks(_with_targets(instance, evaluations)):
        _report_evaluations(instance, evaluated)


def newest_events(
    instance: dg.DagsterInstance, asset: dg.AssetKey, partitions: Collection[str] | None = None
) -> dict[str, ShownEvent]:
    """Return the newest event of each partition of an asset. `partitions` None: of all."""
    events: dict[str, ShownEvent] = {}
    wanted = None if partitions is None else set(partitions)
    for kind in (dg.DagsterEventType.ASSET_MATERIALIZATION, dg.DagsterEventType.ASSET_OBSERVATION):
        ids = instance.event_log_storage.get_latest_storage_id_by_partition(asset, kind, wanted)
        newer = {id_ for partition, id_ in ids.items() if partition not in events or id_ > events[partition].storage_id}
        events |= {str(event.partition): event for event in _read_events(instance, asset, kind, newer)}
    return events


def newest_materialization(instance: dg.DagsterInstance, asset: dg.AssetKey) -> ShownEvent | None:
    """Return the newest materialization of an asset, of any partition: its overview shows no other event."""
    records = instance.fetch_materializations(asset, limit=1).records
    return _shown(records[0]) if records else None


def newest_observation(instance: dg.DagsterInstance, asset: dg.AssetKey) -> ShownEvent | None:
    """Return the newest observation of an asset."""
    records = instance.fetch_observations(asset, limit=1).records
    return _shown(records[0]) if records else None


def newest_verdicts(
    instance: dg.DagsterInstance, checks: Collection[dg.AssetCheckKey]
) -> dict[dg.AssetCheckKey, ShownVerdict]:
    """Return the newest evaluation of each check that is not partitioned."""
    records = instance.event_log_storage.get_latest_asset_check_execution_by_key(list(checks))
    verdicts = {}
    for key, record in records.items():
        evaluation = record.evaluation if record.status is not AssetCheckExecutionRecordStatus.PLANNED else None
        if isinstance(evaluation, dg.AssetCheckEvaluation):
            verdicts[key] = ShownVerdict(
                passed=evaluation.passed,
                is_current=_is_of_newest_materialization(instance, record, evaluation),
                description=evaluation.description,
            )
    return verdicts


def _is_of_newest_materialization(
    instance: dg.DagsterInstance, record: AssetCheckExecutionRecord, evaluation: dg.AssetCheckEvaluation
) -> bool:
    """Decide it as `AssetCheckExecutionRecord.targets_latest_materialization` does for the pages."""
    materialized = instance.fetch_materializations(evaluation.asset_key, limit=1).records
    if not materialized or materialized[0].run_id == record.run_id:
        return True
    if evaluation.target_materialization_data is None:
        return materialized[0].timestamp < record.create_timestamp
    return evaluation.target_materialization_data.storage_id == materialized[0].storage_id


def newest_partition_verdicts(
    instance: dg.DagsterInstance, check: dg.AssetCheckKey, partitions: Collection[str] | None = None
) -> dict[str, PartitionVerdict]:
    """Return the newest evaluation of each partition of a check. A partition without one is left out."""
    wanted = None if partitions is None else list(partitions)
    infos = instance.event_log_storage.get_asset_check_partition_info([check], partition_keys=wanted)
    succeeded, planned = AssetCheckExecutionRecordStatus.SUCCEEDED, AssetCheckExecutionRecordStatus.PLANNED
    return {
        str(info.partition_key): PartitionVerdict(
            storage_id=info.latest_check_event_storage_id,
            passed=info.latest_execution_status is succeeded,
            is_current=info.is_current,
        )
        for info in infos
        if info.latest_execution_status is not planned and info.partition_key is not None
    }


def _read_events(
    instance: dg.DagsterInstance, asset: dg.AssetKey, kind: dg.DagsterEventType, storage_ids: Collection[int]
) -> Iterator[ShownEvent]:
    is_materialization = kind is dg.DagsterEventType.ASSET_MATERIALIZATION
    fetch = instance.fetch_materializations if is_materialization else instance.fetch_observations
    for chunk in _chunks(sorted(storage_ids)):
        wanted = dg.AssetRecordsFilter(asset_key=asset, storage_ids=list(chunk))
        yield from map(_shown, fetch(wanted, limit=len(chunk)).records)


def _shown(record: dg.EventLogRecord) -> ShownEvent:
    event = record.asset_materialization or record.asset_observation
    assert event is not None  # noqa: S101 - for the type checker: the record is of one of the two kinds
    return ShownEvent(
        storage_id=record.storage_id,
        partition=event.partition,
        is_materialization=record.asset_materialization is not None,
        metadata={name: value.value for name, value in event.metadata.items()},
    )


def _with_targets(
    instance: dg.DagsterInstance, evaluations: Sequence[dg.AssetCheckEvaluation]
) -> list[dg.AssetCheckEvaluation]:
    """Attach the newest materialization to each, of its partition: Dagster ignores an evaluation of an older one."""
    targets: dict[tuple[dg.AssetKey, str | None], AssetCheckEvaluationTargetMaterializationData] = {}
    for asset in {evaluation.asset_key for evaluation in evaluations}:
        if newest := instance.fetch_materializations(asset, limit=1).records:
            targets[asset, None] = AssetCheckEvaluationTargetMaterializationData(
                storage_id=newest[0].storage_id, run_id=newest[0].run_id, timestamp=newest[0].timestamp
            )
        partitions = {event.partition for event in evaluations if event.asset_key == asset and event.partition}
        targets |= {(asset, partition): target for partition, target in _targets(instance, asset, partitions)}
    return [
        replace(evaluation, target_materialization_data=targets.get((evaluation.asset_key, evaluation.partition)))
        for evaluation in evaluations
    ]


def _targets(
    instance: dg.DagsterInstance, asset: dg.AssetKey, partitions: set[str]
) -> Iterator[tuple[str, AssetCheckEvaluationTargetMaterializationData]]:
    storage = instance.event_log_storage
    if not partitions or not isinstance(storage, SqlEventLogStorage):
        return
    ids = storage.get_latest_storage_id_by_partition(asset, dg.DagsterEventType.ASSET_MATERIALIZATION, partitions)
    columns = SqlEventLogStorageTable.c
    for chunk in _chunks(sorted(ids.values())):
        # Not `fetch_materializations`: to read 5,000 whole events takes 2 s.
        query = sa.select(columns.partition, columns.id, columns.run_id, columns.timestamp).where(columns.id.in_(chunk))
        with storage.index_connection() as connection:
            rows = connection.execute(query).all()
        for row in rows:
            made_at = row.timestamp.replace(tzinfo=UTC).timestamp()
            yield (
                row.partition,
                AssetCheckEvaluationTargetMaterializationData(storage_id=row.id, run_id=row.run_id, timestamp=made_at),
            )


def _report_evaluations(instance: dg.DagsterInstance, evaluations: Sequence[dg.AssetCheckEvaluation]) -> None:
    storage = instance.event_log_storage
    if isinstance(storage, SqlEventLogStorage):
        _forget_evaluations(storage, evaluations)
    if not isinstance(storage, PostgresEventLogStorage):
        for evaluation in evaluations:
            instance.report_runless_asset_event(evaluation)
        return
    entries = [_entry("ASSET_CHECK_EVALUATION", evaluation) for evaluation in evaluations]
    # As `store_event` does it for one event, but with two statements for all: Dagster batches only other types.
    insert = storage.prepare_insert_event_batch(entries)
    with storage.index_transaction() as connection:
        ids = connection.execute(insert.returning(SqlEventLogStorageTable.c.id)).scalars().all()
        connection.execute(
            AssetCheckExecutionsTable.insert().values(
                [
                    _execution_row(storage, entry, evaluation, storage_id)
                    for entry, evaluation, storage_id in zip(entries, evaluations, ids, strict=True)
                ]
            )
        )


def _forget_evaluations(storage: SqlEventLogStorage, evaluations: Sequence[dg.AssetCheckEvaluation]) -> None:
    """Remove the earlier evaluations of these partitions from the table of executions. Their events stay in the log.

    The table is unique by run and partition, and all evaluations outside a run have the same empty run id.
    """
    executions = AssetCheckExecutionsTable.c
    for check in {evaluation.asset_check_key for evaluation in evaluations}:
        partitions = [event.partition for event in evaluations if event.partition and event.asset_check_key == check]
        with storage.index_transaction() as connection:
            connection.execute(
                AssetCheckExecutionsTable.delete().where(
                    executions.asset_key == check.asset_key.to_string(),
                    executions.check_name == check.name,
                    executions.run_id == RUNLESS_RUN_ID,
                    executions.partition.in_(partitions),
                )
            )


def _execution_row(
    storage: PostgresEventLogStorage, entry: dg.EventLogEntry, evaluation: dg.AssetCheckEvaluation, storage_id: int
) -> dict[str, Any]:
    target = evaluation.target_materialization_data
    status = AssetCheckExecutionRecordStatus
    return {
        "asset_key": evaluation.asset_key.to_string(),
        "check_name": evaluation.check_name,
        "run_id": entry.run_id,
        "execution_status": (status.SUCCEEDED if evaluation.passed else status.FAILED).value,
        "evaluation_event": dg.serialize_value(entry),
        "evaluation_event_timestamp": storage._event_insert_timestamp(entry),  # type: ignore[no-untyped-call]
        "evaluation_event_storage_id": storage_id,
        "materialization_event_storage_id": target.storage_id if target else None,
        "partition": evaluation.partition,
    }


def _materialization(event: dg.AssetMaterialization) -> dg.EventLogEntry:
    return _entry("ASSET_MATERIALIZATION", StepMaterializationData(event))


def _observation(event: dg.AssetObservation) -> dg.EventLogEntry:
    return _entry("ASSET_OBSERVATION", AssetObservationData(event))


def _entry(
    event_type: str, data: StepMaterializationData | AssetObservationData | dg.AssetCheckEvaluation
) -> dg.EventLogEntry:
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


def _chunks(entries: Sequence[T]) -> Iterator[Sequence[T]]:
    return (entries[start : start + _EVENTS_PER_INSERT] for start in range(0, len(entries), _EVENTS_PER_INSERT))


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
    """A check whose newest evaluation failed; if it is partitioned, of this partition."""

    key: dg.AssetCheckKey
    run_id: str
    partition: str | None
    evaluation: dg.AssetCheckEvaluation


def failing_checks(context: dg.SensorEvaluationContext) -> Iterator[FailingCheck]:
    """Return the failing checks of the sensor's code location, one for each failing partition."""
    if context.repository_def is None:
        return
    graph = context.repository_def.asset_graph
    for key in sorted(graph.asset_check_keys):
        if graph.get(key).partitions_def is not None:
            yield from _failing_partitions(context.instance, key)
            continue
        for found in _evaluations(context.instance, key, limit=1, status=_EVALUATED):
            if not found.evaluation.passed:
                yield found


def _failing_partitions(instance: dg.DagsterInstance, key: dg.AssetCheckKey) -> Iterator[FailingCheck]:
    failing = {name for name, verdict in newest_partition_verdicts(instance, key).items() if not verdict.passed}
    if failing:
        for found in _evaluations(instance, key, limit=_FAILING_PARTITIONS_READ, status=_FAILED):
            if found.partition in failing:
                failing.remove(found.partition)
                yield found


def _evaluations(
    instance: dg.DagsterInstance, key: dg.AssetCheckKey, *, limit: int, status: Set[AssetCheckExecutionRecordStatus]
) -> Iterator[FailingCheck]:
    for record in instance.event_log_storage.get_asset_check_execution_history(key, limit=limit, status=status):
        if isinstance(record.evaluation, dg.AssetCheckEvaluation):
            yield FailingCheck(key=key, run_id=record.run_id, partition=record.partition, evaluation=record.evaluation)


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
