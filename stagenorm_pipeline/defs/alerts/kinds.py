"""The kinds of alerts. To add one: a name in `AlertKind`, a class here, a case in `alerts.message`.

No field may hold a stage, the text of an error, or a reason that a person typed: an alert leaves the database. Fields
are counts, classes of errors, SQLSTATEs, and the names of tables, funds, plans, runs, jobs, rules and users.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from stagenorm_pipeline.config.alerts import AlertKind
from stagenorm_pipeline.engine.monitor.alert_facts import FailedPlace, FailedVerificationFacts, PlanResult


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedRun:
    """A run of a job failed. `funds`: those that were asked for. `error_class`: of the step's error, if it had one."""

    kind: ClassVar = AlertKind.FAILED_RUN

    run_id: str
    job: str
    funds: tuple[str, ...]
    error_class: str | None
    places: tuple[FailedPlace, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedVerification:
    """A verification was recorded with the verdict `failed`."""

    kind: ClassVar = AlertKind.FAILED_VERIFICATION

    facts: FailedVerificationFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedCheck:
    """An asset check failed that passed before. `funds`: its partitions, if it has any."""

    kind: ClassVar = AlertKind.FAILED_CHECK

    asset: str
    check: str
    funds: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownSpellings:
    """Spellings arrived that no plan has seen and that the vocabulary does not know."""

    kind: ClassVar = AlertKind.UNKNOWN_SPELLINGS

    spellings: int
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedPlan:
    """All batches of a plan have ended."""

    kind: ClassVar = AlertKind.FINISHED_PLAN

    result: PlanResult


@dataclass(frozen=True, slots=True, kw_only=True)
class LongThrottle:
    """A runner has been throttled for longer than the configured time."""

    kind: ClassVar = AlertKind.LONG_THROTTLE

    runner: str
    plan_id: int | None
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LongPause:
    """All work has been paused for longer than the configured time."""

    kind: ClassVar = AlertKind.LONG_PAUSE

    changed_by: str | None
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedSensor:
    """The last tick of a sensor or schedule failed."""

    kind: ClassVar = AlertKind.FAILED_SENSOR

    name: str
    error_class: str | None


Alert = (
    FailedRun
    | FailedVerification
    | FailedCheck
    | UnknownSpellings
    | FinishedPlan
    | LongThrottle
    | LongPause
    | FailedSensor
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyedAlert:
    """An alert with the keys by which it is sent once: it is new if one of them is.

    `is_history`: not sent if it was there at the first tick of the sensor.
    """

    keys: tuple[str, ...]
    alert: Alert
    is_history: bool = False
