"""Run the Dagster definitions in process, on an instance of their own."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from stagenorm_pipeline.defs.assets.asset_names import (
    BATCH_PLAN,
    KEY_PREFIX,
    NORMALIZED_STAGES,
    VERIFICATION_REPORT,
    op_name,
)
from stagenorm_pipeline.defs.definitions import build_defs
from stagenorm_pipeline.defs.partitions import FUNDS
from stagenorm_pipeline.engine.targets.funds import fund_key
from stagenorm_pipeline_tests.support.application import Application
from stagenorm_pipeline_tests.support.dagster_internals import ScheduleExecutionData, SensorExecutionData, use_instance

_OPS = {key.path[-1]: op_name(key) for key in (BATCH_PLAN, NORMALIZED_STAGES, VERIFICATION_REPORT)}
RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


class DagsterProject:
    """Run jobs, sensors and schedules as the UI would, and read what Dagster recorded."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance = instance
        self.defs = build_defs()

    @property
    def funds(self) -> list[str]:
        return list(self.instance.get_dynamic_partitions(FUNDS))

    def run(
        self, job: str, *, fund: str | None = None, tags: Mapping[str, str] | None = None, **config: Mapping[str, Any]
    ) -> dg.ExecuteInProcessResult:
        """Run a job. `config` maps the name of an asset or an op to its config."""
        ops = {_OPS.get(name, name): {"config": dict(values)} for name, values in config.items()}
        return self.defs.resolve_job_def(job).execute_in_process(
            run_config={"ops": ops},
            partition_key=fund,
            tags=dict(tags or {}),
            instance=self.instance,
            raise_on_error=False,
        )

    def plan(self, **config: Any) -> dg.ExecuteInProcessResult:
        return self.run("plan_job", batch_plan=config)

    def plan_without_a_run(self, application: Application, **asked: Any) -> None:
        """Record a plan and add its partitions, as the run of `plan` does, which takes 0.4 s of CPU."""
        plan = application.plan(**asked)
        self.instance.add_dynamic_partitions(FUNDS, [fund_key(fund) for fund in plan.funds_to_change])

    def normalize_all(self, **config: Any) -> dg.ExecuteInProcessResult:
        """All funds in one run, as a backfill does it."""
        tags = {RANGE_START: self.funds[0], RANGE_END: self.funds[-1]}
        return self.run("normalize_job", tags=tags, normalized_stages={"sleep_ms": 0, **config})

    def normalize(self, fund: str, **config: Any) -> dg.ExecuteInProcessResult:
        return self.run("normalize_job", fund=fund, normalized_stages={"sleep_ms": 0, **config})

    def check(self, *names: str, **config: Any) -> dg.ExecuteInProcessResult:
        """Run checks alone."""
        keys = [dg.AssetCheckKey(VERIFICATION_REPORT, name) for name in names]
        job = dg.define_asset_job("checks_alone", selection=dg.AssetSelection.checks(*keys))
        defs = dg.Definitions.merge(self.defs, dg.Definitions(jobs=[job]))
        return defs.resolve_job_def("checks_alone").execute_in_process(
            run_config={"ops": {"verification_checks": {"config": config}}},
            instance=self.instance,
            raise_on_error=False,
        )

    def sensor(self, name: str, *, cursor: str | None = None) -> SensorExecutionData:
        """Evaluate a tick of the sensor as the daemon would."""
        repository = self.defs.get_repository_def()
        resources = repository.get_top_level_resources()
        with dg.build_sensor_context(
            instance=self.instance, cursor=cursor, repository_def=repository, sensor_name=name, resources=resources
        ) as context:
            return repository.get_sensor_def(name).evaluate_tick(context)

    def schedule(self, name: str) -> ScheduleExecutionData:
        """Evaluate a tick of the schedule as the daemon would."""
        repository = self.defs.get_repository_def()
        with dg.build_schedule_context(
            scheduled_execution_time=datetime(2026, 1, 19, 2, tzinfo=UTC),
            repository_def=repository,
            resources=repository.get_top_level_resources(),
        ) as context:
            use_instance(context, self.instance)
            return repository.get_schedule_def(name).evaluate_tick(context)

    def verdict(self, check: str) -> dg.AssetCheckEvaluation:
        """The newest evaluation of a check of `batch_plan`."""
        key = dg.AssetCheckKey(BATCH_PLAN, check)
        (record,) = self.instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
        assert record.event is not None
        assert record.event.dagster_event is not None
        return record.event.dagster_event.asset_check_evaluation_data


def materialized(result: dg.ExecuteInProcessResult, asset: str) -> dict[str | None, dict[str, Any]]:
    """The metadata of each materialization of the asset, by partition. A second one of a partition is an error."""
    found: dict[str | None, dict[str, Any]] = {}
    for event in result.get_asset_materialization_events():
        made = event.materialization
        if made.asset_key.path == [KEY_PREFIX, asset]:
            assert made.partition not in found
            found[made.partition] = {name: entry.value for name, entry in made.metadata.items()}
    return found


def observed(result: dg.ExecuteInProcessResult) -> dict[str | None, dict[str, Any]]:
    """The metadata of the newest observation of each partition in a run."""
    seen = [event.asset_observation_data.asset_observation for event in result.all_events if event.is_asset_observation]
    return {event.partition: {name: entry.value for name, entry in event.metadata.items()} for event in seen}


def checked(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {evaluation.check_name: evaluation for evaluation in result.get_asset_check_evaluations()}


def failure_of(result: dg.ExecuteInProcessResult) -> tuple[str, dict[str, str]]:
    """The description and the metadata of the only failed step's failure."""
    (event,) = [event for event in result.all_events if event.is_step_failure]
    data = event.step_failure_data.user_failure_data
    assert data is not None, event.step_failure_data.error
    return data.description or "", {name: str(entry.value) for name, entry in data.metadata.items()}
