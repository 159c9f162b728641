"""The sensor `alert_on_failure`: posts failed runs to a webhook of Slack, Teams, Mattermost or an e-mail gateway.

The webhook's URL is a secret: anyone who has it can post.
"""

import http.client
import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import dagster as dg

from stagenorm_pipeline.defs.failures import errors_as_failures
from stagenorm_pipeline.errors import ConfigurationError, StagenormError
from stagenorm_pipeline.report.escape import sentence_for_terminal

WEBHOOK = "STAGENORM_ALERT_WEBHOOK"
_UI_URL = "STAGENORM_UI_URL"
# The daemon stops a tick after one minute, and one tick may post several runs.
_TIMEOUT_S = 5.0


@dg.run_failure_sensor(
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="When a run fails: posts JSON to the webhook in the environment variable STAGENORM_ALERT_WEBHOOK. "
    "Slack shows `text`. The other fields are job, run_id, funds, error and run_url. The message contains no stage of "
    "any row. Starts no run and changes nothing.",
)
def alert_on_failure(context: dg.RunFailureSensorContext) -> dg.SkipReason | None:
    url = os.environ.get(WEBHOOK, "").strip()
    if not url:
        return dg.SkipReason(f"No alert was sent: {WEBHOOK} is not set. Set it where you start Dagster.")
    with errors_as_failures():
        post(url, message(context))
    return None


def message(context: dg.RunFailureSensorContext) -> dict[str, Any]:
    """Return the message about a failed run. It has stagenorm's own sentences and fund keys, nothing from a row."""
    run = context.dagster_run
    failures = [event.step_failure_data for event in context.get_step_failure_events()]
    own = [failure.user_failure_data for failure in failures if failure.user_failure_data]
    # Of other errors only the class name: the text may quote a row.
    kinds = [failure.error.cls_name or "an error" for failure in failures if failure.error]
    sentences = [data.description for data in own if data.description] or kinds
    error = sentence_for_terminal(" ".join(sentences) or context.failure_event.message or "")
    base = os.environ.get(_UI_URL, "").rstrip("/")
    run_url = f"{base}/runs/{run.run_id}" if base else None
    text = f"stagenorm: {run.job_name} failed. {error}"
    return {
        "text": _for_slack(text) + (f" {run_url}" if run_url else ""),
        "job": run.job_name,
        "run_id": run.run_id,
        # The metadata of stagenorm's failures is keyed by fund.
        "funds": [key for data in own for key in data.metadata],
        "error": error,
        "run_url": run_url,
    }


def post(url: str, body: Mapping[str, Any]) -> None:
    """Post the message. Raises StagenormError if it was not accepted; the error never contains the URL."""
    if urlsplit(url).scheme not in ("http", "https"):
        raise ConfigurationError(
            f"{WEBHOOK} is not an http or https URL.", remedy="Set it to the full URL of the webhook."
        )
    remedy = f"No alert was sent for this run. Check {WEBHOOK} where you start Dagster."
    try:
        request = urllib.request.Request(  # noqa: S310 - the scheme was checked
            url, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S):  # noqa: S310
            pass
    except urllib.error.HTTPError as error:
        error.close()
        raise StagenormError(f"The alert webhook returned HTTP status {error.code}.", remedy=remedy) from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        # Only the class name: the text of some of these errors contains parts of the URL.
        raise StagenormError(f"The alert webhook cannot be reached: {type(error).__name__}.", remedy=remedy) from None


def _for_slack(text: str) -> str:
    """Escape the text: Slack reads `<...>` as a link or a mention."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
