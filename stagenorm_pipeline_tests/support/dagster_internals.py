"""The parts of Dagster outside its documented interface that tests use. No other test module imports them.

They stand in for the daemon: runs and ticks in a given state, and schedules on an instance in memory.
"""

import dagster as dg
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.definitions.schedule_definition import ScheduleExecutionData
from dagster._core.definitions.sensor_definition import SensorExecutionData
from dagster._core.instance.ref import InstanceRef
from dagster._core.loader import LoadingContextForTest
from dagster._core.remote_origin import InProcessCodeLocationOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    SensorInstigatorData,
    TickData,
    TickStatus,
)
from dagster._core.test_utils import create_run_for_test
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster_shared.error import SerializableErrorInfo

__all__ = [
    "CachingStaleStatusResolver",
    "InProcessCodeLocationOrigin",
    "InstigatorState",
    "InstigatorStatus",
    "InstigatorType",
    "LoadableTargetOrigin",
    "LoadingContextForTest",
    "RemoteRepositoryOrigin",
    "ScheduleExecutionData",
    "SensorExecutionData",
    "SensorInstigatorData",
    "SerializableErrorInfo",
    "StaleStatus",
    "TickData",
    "TickStatus",
    "create_run_for_test",
    "use_instance",
]


def use_instance(context: dg.ScheduleEvaluationContext, instance: dg.DagsterInstance) -> None:
    """Make a schedule's context use this instance: it opens one by its reference, which one in memory has not."""
    context._instance_ref = InstanceRef.from_dir(".")
    context._instance = instance  # type: ignore[assignment]
