"""Find what Dagster has to report: failed runs, failed checks and failed ticks of this code location."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg

from stagenorm_pipeline.defs.alerts.kinds import FailedCheck, FailedRun, FailedSensor, KeyedAlert, UnknownSpellings
from stagenorm_pipeline.defs.assets.asset_names import VERIFICATION_REPORT
from stagenorm_pipeline.defs.checks.drift_check import (
    NEW_UNKNOWN_ROWS,
    NEW_UNKNOWN_SPELLINGS,
    NO_DRIFT,
    UNKNOWN_DIGEST,
)
from stagenorm_pipeline.defs.dagster_internals import FailingCheck, failing_checks, failing_ticks, is_run_of
from stagenorm_pipeline.defs.failures import ERROR_CLASS
from stagenorm_pipeline.defs.partitions import FUNDS
from stagenorm_pipeline.service.context import ServiceContext
from stagenorm_pipeline.service.monitoring import read_failed_places

# More of them wait for the next tick, which has a minute.
_RUNS_PER_TICK = 50
# Longer than the time between two ticks of the alert sensor: a single failed tick in between is found, too.
_RECENT_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundInDagster:
    """The alerts, and the number of the newest event that was read."""

    alerts: tuple[KeyedAlert, ...]
    run_event: int


def newest_run_event(instance: dg.DagsterInstance) -> int:
    """Return the number of the newest failure, for a sensor that is switched on: it reports no history."""
    runs = instance.fetch_run_status_changes(dg.DagsterEventType.RUN_FAILURE, limit=1).records
    return max((record.storage_id for record in runs), default=0)


def dagster_alerts(
    context: dg.SensorEvaluationContext, service: ServiceContext | None, *, run_event: int, sent: Collection[str]
) -> FoundInDagster:
    """Find the runs that failed after the event `run_event`, and the checks and sensors that are failing now.

    `service` None: PostgreSQL cannot tell where batches failed. A check that fails for a fund names only funds that are
    not in `sent`.
    """
    newest, runs = _failed_runs(context, service, run_event)
    alerts = (*runs, *_failed_checks(context, sent), *_failed_ticks(context))
    return FoundInDagster(alerts=alerts, run_event=newest)


def _failed_runs(
    context: dg.SensorEvaluationContext, service: ServiceContext | None, after: int
) -> tuple[int, list[KeyedAlert]]:
    records = context.instance.fetch_run_status_changes(
        dg.RunStatusChangeRecordsFilter(dg.DagsterEventType.RUN_FAILURE, after_storage_id=after),
        limit=_RUNS_PER_TICK,
        ascending=True,
    ).records
    found = []
    for record in records:
        run = context.instance.get_run_by_id(record.event_log_entry.run_id)
        if run is not None and is_run_of(context, run):
            found.append(KeyedAlert(keys=(f"run {run.run_id}",), alert=_failed_run(context.instance, service, run)))
    return max((record.storage_id for record in records), default=after), found


def _failed_run(instance: dg.DagsterInstance, service: ServiceContext | None, run: dg.DagsterRun) -> FailedRun:
    return FailedRun(
        run_id=run.run_id,
        job=_job_for_people(run),
        funds=_funds_asked_for(instance, run),
        error_class=_error_class(instance, run.run_id),
        places=() if service is None else read_failed_places(service, runner=run.run_id),
    )


def _job_for_people(run: dg.DagsterRun) -> str:
    """Return the job's name; for Dagster's hidden job behind Materialize, the assets."""
    if not run.job_name.startswith("__"):
        return run.job_name
    return "materialization of " + ", ".join(sorted(key.path[-1] for key in run.asset_selection or ()))


def _funds_asked_for(instance: dg.DagsterInstance, run: dg.DagsterRun) -> tuple[str, ...]:
    if fund := run.tags.get("dagster/partition"):
        return (fund,)
    first, last = (run.tags.get(f"dagster/asset_partition_range_{end}") for end in ("start", "end"))
    if first and last:
        keys = instance.get_dynamic_partitions(FUNDS)
        return tuple(keys[keys.index(first) : keys.index(last) + 1]) if {first, last} <= set(keys) else (first, last)
    return _funds_of_launchpad(run.run_config)


def _funds_of_launchpad(run_config: Mapping[str, Any]) -> tuple[str, ...]:
    for op in run_config.get("ops", {}).values():
        funds = op.get("config", {}).get("funds", ())
        if isinstance(funds, list):
            return tuple(map(str, funds))
    return ()


def _error_class(instance: dg.DagsterInstance, run_id: str) -> str | None:
    """Return the class of the first failed step's error, or None without one. Never its text, which may quote a row."""
    records = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.STEP_FAILURE, limit=1).records
    for record in records:
        event = record.event_log_entry.dagster_event
        data = event.step_failure_data if event is not None else None
        if data is not None and data.user_failure_data is not None:
            named = data.user_failure_data.metadata.get(ERROR_CLASS)
            return None if named is None else str(named.value)
        if data is not None and data.error is not None:
            error = data.error.cause or data.error
            return error.cls_name
    return None


def _failed_ticks(context: dg.SensorEvaluationContext) -> Iterator[KeyedAlert]:
    for failing in failing_ticks(context, recent_s=_RECENT_S):
        # The alert sensor itself fails while the webhook refuses alerts, and sends those later.
        if failing.name == context.sensor_name:
            continue
        alert = FailedSensor(name=failing.name, error_class=failing.error_class)
        yield KeyedAlert(keys=(f"tick {failing.name}",), alert=alert)


def _failed_checks(context: dg.SensorEvaluationContext, sent: Collection[str]) -> Iterator[KeyedAlert]:
    """Return one alert for each failing check. Warnings are left out, except new unknown spellings."""
    funds: dict[dg.AssetCheckKey, list[str]] = {}
    for failing in failing_checks(context):
        if failing.partition is not None:
            if failing.evaluation.severity is dg.AssetCheckSeverity.ERROR:
                funds.setdefault(failing.key, []).append(failing.partition)
        elif (alert := _check_alert(context.instance, failing)) is not None:
            yield KeyedAlert(keys=(_key(failing.key, _digest(failing)),), alert=alert, is_history=True)
    for key, failing_funds in funds.items():
        new = tuple(fund for fund in failing_funds if _key(key, fund) not in sent)
        alert = FailedCheck(asset=key.asset_key.path[-1], check=key.name, funds=new)
        yield KeyedAlert(keys=tuple(_key(key, fund) for fund in failing_funds), alert=alert, is_history=True)


def _key(key: dg.AssetCheckKey, part: str) -> str:
    return f"check {key.name} {part}"


def _digest(failing: FailingCheck) -> str:
    """Return what tells one drift from another. Every other failing check stays the same until it passes."""
    found = failing.evaluation.metadata.get(UNKNOWN_DIGEST)
    return "" if found is None else str(found.value)


def _check_alert(instance: dg.DagsterInstance, failing: FailingCheck) -> FailedCheck | UnknownSpellings | None:
    """Return the alert about a failing check. None for a warning, and for a verification, which has its own alert."""
    evaluation = failing.evaluation
    if _is_part_of_verification(instance, failing):
        return None
    if failing.key.name == NO_DRIFT:
        spellings = _count(evaluation, NEW_UNKNOWN_SPELLINGS)
        rows = _count(evaluation, NEW_UNKNOWN_ROWS)
        return UnknownSpellings(spellings=spellings, rows=rows) if spellings else None
    if evaluation.severity is not dg.AssetCheckSeverity.ERROR:
        return None
    return FailedCheck(asset=failing.key.asset_key.path[-1], check=failing.key.name, funds=())


def _is_part_of_verification(instance: dg.DagsterInstance, failing: FailingCheck) -> bool:
    """Say whether the check belongs to a recorded verification, about whose verdict there is an alert."""
    if failing.key.asset_key != VERIFICATION_REPORT:
        return False
    if instance.get_run_by_id(failing.run_id) is None:
        return True
    made = instance.get_records_for_run(failing.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION, limit=1)
    return bool(made.records)


def _count(evaluation: dg.AssetCheckEvaluation, name: str) -> int:
    found = evaluation.metadata.get(name)
    return found.value or 0 if isinstance(found, dg.IntMetadataValue) else 0
