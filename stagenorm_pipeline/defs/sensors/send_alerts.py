"""The sensor `send_alerts`: posts failures, long waits and finished plans to a webhook, each once."""

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import dagster as dg

from stagenorm_pipeline.config.alerts import AlertSettings
from stagenorm_pipeline.config.configuration import load_configuration
from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.defs.alerts.dagster_alerts import dagster_alerts, newest_run_event
from stagenorm_pipeline.defs.alerts.database_alerts import database_alerts
from stagenorm_pipeline.defs.alerts.kinds import FailedSensor, KeyedAlert
from stagenorm_pipeline.defs.alerts.message import message
from stagenorm_pipeline.defs.alerts.webhook import WEBHOOK, post
from stagenorm_pipeline.defs.failures import errors_as_failures
from stagenorm_pipeline.defs.resources import StagenormService
from stagenorm_pipeline.errors import StagenormError
from stagenorm_pipeline.report.escape import sentence_for_terminal
from stagenorm_pipeline.service.context import ServiceContext
from stagenorm_pipeline.service.monitoring import read_alert_facts

UI_URL = "STAGENORM_UI_URL"
_NAME = "send_alerts"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Memory:
    """What earlier ticks have done. `run_event`: the newest failure that was read. `sent`: keys that still hold."""

    run_event: int
    sent: frozenset[str]

    def as_cursor(self) -> str:
        return json.dumps({"run_event": self.run_event, "sent": sorted(self.sent)})

    @classmethod
    def from_cursor(cls, cursor: str) -> Self:
        stored = json.loads(cursor)
        return cls(run_event=stored["run_event"], sent=frozenset(stored["sent"]))


@dg.sensor(
    name=_NAME,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Every 30 seconds: posts JSON to the webhook in the environment variable STAGENORM_ALERT_WEBHOOK for a "
    "failed run, verification, check or sensor, new unknown spellings, a finished plan, and a runner that is throttled "
    "or a pause that lasts too long. Each alert is sent once, and again if the webhook refused it. `[alerts]` in "
    "stagenorm.toml chooses the kinds. No message contains a stage. Starts no run and changes nothing.",
)
def send_alerts(context: dg.SensorEvaluationContext, service: StagenormService) -> dg.SensorResult | dg.SkipReason:
    url = os.environ.get(WEBHOOK, "").strip()
    if not url:
        return dg.SkipReason(f"No alert was sent: {WEBHOOK} is not set. Set it where you start Dagster.")
    with errors_as_failures():
        settings = load_configuration().alerts
        before = _Memory.from_cursor(context.cursor) if context.cursor else None
        run_event = before.run_event if before else newest_run_event(context.instance)
        sent = before.sent if before else frozenset()
        from_database, opened = _database_alerts(context, service, settings)
        found = dagster_alerts(context, opened, run_event=run_event, sent=sent)
        alerts = (*from_database, *found.alerts)
        if before is None:
            sent = _keys(alert for alert in alerts if alert.is_history)
        new = [alert for alert in alerts if alert.alert.kind in settings.send and not _keys([alert]) <= sent]
        accepted = _post_all(context, url, new)
    if len(accepted) < len(new):
        # The next tick reads the same events, and leaves out what was accepted now.
        memory = _Memory(run_event=run_event, sent=sent | _keys(accepted))
    else:
        memory = _Memory(run_event=found.run_event, sent=_keys(alerts))
    return dg.SensorResult(cursor=memory.as_cursor(), skip_reason=f"Sent {counted(len(accepted), 'alert')}.")


def _keys(alerts: Iterable[KeyedAlert]) -> frozenset[str]:
    return frozenset(key for alert in alerts for key in alert.keys)


def _database_alerts(
    context: dg.SensorEvaluationContext, service: StagenormService, settings: AlertSettings
) -> tuple[Sequence[KeyedAlert], ServiceContext | None]:
    """Read the alerts of PostgreSQL, with the service that read them. None: it cannot be read, which is an alert."""
    try:
        opened = service.open()
        return list(database_alerts(read_alert_facts(opened), settings)), opened
    except StagenormError as error:
        context.log.error(sentence_for_terminal(f"{error.message} {error.remedy or ''}"))
        failed = FailedSensor(name=_NAME, error_class=type(error).__name__)
        return [KeyedAlert(keys=(f"own {type(error).__name__}",), alert=failed)], None


def _post_all(context: dg.SensorEvaluationContext, url: str, alerts: Sequence[KeyedAlert]) -> Sequence[KeyedAlert]:
    """Post each alert and return those that were accepted. Stops at the first that was not.

    Raises StagenormError if none was accepted: a tick that fails keeps no cursor.
    """
    accepted: list[KeyedAlert] = []
    for alert in alerts:
        try:
            post(url, message(alert.alert, ui_url=os.environ.get(UI_URL, "")))
        except StagenormError as error:
            if not accepted:
                raise
            context.log.error(sentence_for_terminal(f"{error.message} {error.remedy or ''}"))
            break
        accepted.append(alert)
    return accepted
