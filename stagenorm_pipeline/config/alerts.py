"""Which alerts go to the webhook, and when waiting counts as long: `[alerts]` in stagenorm.toml.

The webhook's URL is a secret, so it comes from the environment variable STAGENORM_ALERT_WEBHOOK.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from stagenorm_pipeline.config.values import PositiveNumber


class AlertKind(StrEnum):
    """The kinds of alerts, by the names that `send` in stagenorm.toml and the field `kind` of a message use."""

    FAILED_RUN = "failed_run"
    FAILED_VERIFICATION = "failed_verification"
    FAILED_CHECK = "failed_check"
    UNKNOWN_SPELLINGS = "unknown_spellings"
    FINISHED_PLAN = "finished_plan"
    LONG_THROTTLE = "long_throttle"
    LONG_PAUSE = "long_pause"
    FAILED_SENSOR = "failed_sensor"


@dataclass(frozen=True, kw_only=True)
class AlertSettings:
    """What to send. Without `send` every kind is sent; an empty list sends none."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    send: Annotated[frozenset[AlertKind], Field(description=f"a list of alerts ({', '.join(AlertKind)})")] = frozenset(
        AlertKind
    )
    throttled_minutes: PositiveNumber = 30.0
    paused_hours: PositiveNumber = 8.0
