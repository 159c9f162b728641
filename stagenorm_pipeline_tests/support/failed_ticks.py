"""Record a failed tick of a sensor in a Dagster instance, as the daemon does."""

import time

import dagster as dg

from stagenorm_pipeline_tests.support.dagster_internals import (
    InProcessCodeLocationOrigin,
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    LoadableTargetOrigin,
    RemoteRepositoryOrigin,
    SensorInstigatorData,
    SerializableErrorInfo,
    TickData,
    TickStatus,
)


def record_failed_tick(instance: dg.DagsterInstance, sensor: str, error_text: str) -> None:
    location = InProcessCodeLocationOrigin(
        LoadableTargetOrigin(module_name="stagenorm_pipeline.defs"), location_name="l"
    )
    state = InstigatorState(
        RemoteRepositoryOrigin(location, "__repository__").get_instigator_origin(sensor),
        InstigatorType.SENSOR,
        InstigatorStatus.RUNNING,
        SensorInstigatorData(),
    )
    instance.add_instigator_state(state)
    error = SerializableErrorInfo(error_text, [], "ValueError")
    wrapper = SerializableErrorInfo("Error in sensor", [], "SensorExecutionError", cause=error)
    instance.create_tick(
        TickData(
            instigator_origin_id=state.instigator_origin_id,
            instigator_name=sensor,
            instigator_type=InstigatorType.SENSOR,
            status=TickStatus.FAILURE,
            timestamp=time.time(),
            end_timestamp=time.time(),
            selector_id=state.selector_id,
            error=wrapper,
        )
    )
