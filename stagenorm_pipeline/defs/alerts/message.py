"""Write an alert as the JSON message of a webhook: what happened, where, a link, and the next step.

Names of funds and tables come from the data, so they are escaped. Nothing else from the data is in an alert.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, assert_never

import psycopg

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.defs.alerts.kinds import (
    Alert,
    FailedCheck,
    FailedRun,
    FailedSensor,
    FailedVerification,
    FinishedPlan,
    LongPause,
    LongThrottle,
    UnknownSpellings,
)
from stagenorm_pipeline.defs.assets.asset_names import (
    BATCH_PLAN,
    KEY_PREFIX,
    NORMALIZED_STAGES,
    STAGE_INVENTORY,
    VERIFICATION_REPORT,
    page_path,
)
from stagenorm_pipeline.engine.monitor.alert_facts import PlanResult
from stagenorm_pipeline.engine.plan.batch_types import PlanKind
from stagenorm_pipeline.engine.targets.funds import fund_key
from stagenorm_pipeline.engine.verify.result import Rule
from stagenorm_pipeline.report.escape import for_terminal

_NAMES_IN_TEXT = 5
_NAMES_IN_LIST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
    """The parts of a message that depend on the kind of alert. `path`: of the page to open."""

    what: str
    next_step: str
    path: str
    plan_ids: tuple[int, ...] = ()
    tables: tuple[str, ...] = ()
    funds: tuple[str, ...] = ()
    error_class: str | None = None
    sqlstates: tuple[str, ...] = ()
    job: str | None = None
    run_id: str | None = None


def message(alert: Alert, *, ui_url: str) -> dict[str, Any]:
    """Return the JSON message. `ui_url`: the address of the Dagster UI, or an empty text if it is not known."""
    words = _words(alert)
    url = f"{ui_url.rstrip('/')}{words.path}" if ui_url else None
    where = _where(words)
    text = f"stagenorm: {words.what}{f' ({where})' if where else ''}. {words.next_step}"
    return {
        # Slack, Teams and Mattermost show this.
        "text": _for_chat(text) + (f" {url}" if url else ""),
        "kind": alert.kind.value,
        "what": words.what,
        "next_step": words.next_step,
        "url": url,
        "plan_ids": list(words.plan_ids),
        "tables": _escaped(words.tables),
        "funds": _escaped(words.funds),
        "error_class": words.error_class,
        "sqlstates": list(words.sqlstates),
        "job": words.job,
        "run_id": words.run_id,
    }


def _words(alert: Alert) -> _Words:
    match alert:
        case FailedRun():
            words = _failed_run(alert)
        case FailedVerification():
            words = _failed_verification(alert)
        case FailedCheck():
            words = _failed_check(alert)
        case UnknownSpellings():
            words = _unknown_spellings(alert)
        case FinishedPlan():
            words = _finished_plan(alert.result)
        case LongThrottle():
            words = _long_throttle(alert)
        case LongPause():
            words = _long_pause(alert)
        case FailedSensor():
            words = _failed_sensor(alert)
        case _:
            assert_never(alert)
    return words


def _failed_run(alert: FailedRun) -> _Words:
    failed_funds = tuple(dict.fromkeys(fund_key(place.fund_id) for place in alert.places))
    return _Words(
        what=f"{alert.job} failed",
        next_step="Open the run: it shows the error and what to do.",
        path=f"/runs/{alert.run_id}",
        plan_ids=tuple(dict.fromkeys(place.plan_id for place in alert.places)),
        tables=tuple(dict.fromkeys(place.table for place in alert.places)),
        # Those that failed, else those that were asked for: a run that never started has no failed batches.
        funds=failed_funds or alert.funds,
        error_class=alert.error_class,
        sqlstates=tuple(sorted({state for place in alert.places for state in place.sqlstates})),
        job=alert.job,
        run_id=alert.run_id,
    )


def _failed_verification(alert: FailedVerification) -> _Words:
    facts = alert.facts
    # The names in a recorded report could be anything: only those of rules are repeated.
    rules = [rule for rule in facts.rules if rule in set(Rule)]
    named = f": {', '.join(rules)}" if rules else ""
    return _Words(
        what=f"Verification {facts.verification_id} failed{named}",
        next_step="Open the failed checks: they list the rows and say what to do.",
        path=page_path(VERIFICATION_REPORT, "view=checks"),
        plan_ids=() if facts.plan_id is None else (facts.plan_id,),
        tables=facts.targets,
        funds=() if facts.all_funds else (fund_key(facts.fund_id),),
    )


def _finished_plan(result: PlanResult) -> _Words:
    is_rollback = result.kind is PlanKind.ROLLBACK
    done = "restored" if is_rollback else "updated"
    counts = f"{counted(result.rows_updated, 'row')} {done}, {result.rows_skipped:,} skipped"
    ended = f"{result.rows_failed:,} refused" if result.batches_failed else "no batch failed"
    failed = f" with {counted(result.batches_failed, 'failed batch')}" if result.batches_failed else ""
    return _Words(
        what=f"{'Rollback plan' if is_rollback else 'Plan'} {result.plan_id} has finished{failed}: {counts}, {ended}",
        next_step="Fix the cause, then materialize the failed funds again."
        if result.batches_failed
        else "Materialize verification_report.",
        path=page_path(NORMALIZED_STAGES if result.batches_failed else VERIFICATION_REPORT),
        plan_ids=(result.plan_id,),
        tables=result.tables,
        funds=tuple(map(fund_key, result.failed_funds)),
        sqlstates=result.sqlstates,
    )


def _failed_check(alert: FailedCheck) -> _Words:
    return _Words(
        what=f"The check {alert.check} of {alert.asset} failed",
        next_step="Open the check: it says what to do.",
        path=f"/assets/{KEY_PREFIX}/{alert.asset}?view=checks&checkDetail={alert.check}",
        funds=alert.funds,
    )


def _unknown_spellings(alert: UnknownSpellings) -> _Words:
    return _Words(
        what=f"{counted(alert.spellings, 'new unknown spelling')} in {counted(alert.rows, 'row')}",
        next_step="Decide what each means: `stagenorm decisions` writes the file to fill in.",
        path=page_path(STAGE_INVENTORY, "view=checks"),
    )


def _long_throttle(alert: LongThrottle) -> _Words:
    return _Words(
        what=f"A runner of {for_terminal(alert.runner)} has been throttled since {_time(alert.since)}",
        next_step="`stagenorm status` shows the reason. When it is gone, the runner continues by itself.",
        path=page_path(NORMALIZED_STAGES),
        plan_ids=() if alert.plan_id is None else (alert.plan_id,),
    )


def _long_pause(alert: LongPause) -> _Words:
    by = f" by {for_terminal(alert.changed_by)}" if alert.changed_by else ""
    return _Words(
        what=f"All work has been paused since {_time(alert.since)}{by}",
        next_step="The check not_paused shows the reason. To continue, run unpause_job or `stagenorm unpause`.",
        path=page_path(BATCH_PLAN, "view=checks"),
    )


def _failed_sensor(alert: FailedSensor) -> _Words:
    return _Words(
        what=f"A tick of {alert.name} failed",
        next_step="Open it under Automation: the tick shows the error.",
        path="/automation",
        error_class=alert.error_class,
    )


def _where(words: _Words) -> str:
    parts = [
        *(["plan " + _named(map(str, words.plan_ids))] if words.plan_ids else []),
        *([_named(_escaped(words.tables))] if words.tables else []),
        *([_named(_escaped(words.funds))] if words.funds else []),
        *([words.error_class] if words.error_class else []),
        *([", ".join(f"SQLSTATE {state}{_meaning(state)}" for state in words.sqlstates)] if words.sqlstates else []),
    ]
    return "; ".join(parts)


def _named(names: Iterable[str]) -> str:
    listed = list(names)
    more = len(listed) - _NAMES_IN_TEXT
    return ", ".join(listed[:_NAMES_IN_TEXT]) + (f" and {more:,} more" if more > 0 else "")


def _escaped(names: Sequence[str]) -> list[str]:
    return [for_terminal(name) for name in names[:_NAMES_IN_LIST]]


def _meaning(sqlstate: str) -> str:
    """Return PostgreSQL's name of the error's class. A user's function may raise a code without one."""
    try:
        return f" {psycopg.errors.lookup(sqlstate).__name__}"
    except KeyError:
        return ""


def _time(moment: datetime) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M %Z")


def _for_chat(text: str) -> str:
    """Escape the text: Slack reads `<...>` as a link or a mention."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
