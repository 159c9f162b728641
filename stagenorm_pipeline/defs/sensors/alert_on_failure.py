"""The sensor `alert_on_failure`: a failed run is told to a webhook. What is sent, and how, is here.

A webhook is what Slack, Teams and Mattermost take, and what turns into e-mail where nothing else is wanted. Its URL
is a secret: whoever knows it can post. Does not belong here: what made the run fail.
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
# The daemon gives a tick a minute, and one tick may tell of several runs.
_TIMEOUT_S = 5.0


@dg.run_failure_sensor(
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="When a run fails: posts a JSON message to the webhook that the environment variable "
    "STAGENORM_ALERT_WEBHOOK names where Dagster is started. `text` is what Slack shows; job, run_id, funds, error and "
    "run_url are beside it. Holds no stage of any row. Starts no run and changes nothing.",
)
def alert_on_failure(context: dg.RunFailureSensorContext) -> dg.SkipReason | None:
    url = os.environ.get(WEBHOOK, "").strip()
    if not url:
        return dg.SkipReason(f"{WEBHOOK} is not set where Dagster was started: nobody was told.")
    with errors_as_failures():
        post(url, message(context))
    return None


def message(context: dg.RunFailureSensorContext) -> dict[str, Any]:
    """What is sent of a failed run: our own sentences and the names of funds, nothing from a row."""
    run = context.dagster_run
    failures = [event.step_failure_data for event in context.get_step_failure_events()]
    told = [failure.user_failure_data for failure in failures if failure.user_failure_data]
    # Of anything but our own failures the kind alone: its text may quote a row.
    kinds = [failure.error.cls_name or "an error" for failure in failures if failure.error]
    sentences = [data.description for data in told if data.description] or kinds
    error = sentence_for_terminal(" ".join(sentences) or context.failure_event.message or "")
    base = os.environ.get(_UI_URL, "").rstrip("/")
    run_url = f"{base}/runs/{run.run_id}" if base else None
    text = f"stagenorm: {run.job_name} failed. {error}"
    return {
        "text": _for_slack(text) + (f" {run_url}" if run_url else ""),
        "job": run.job_name,
        "run_id": run.run_id,
        # What our failures carry besides their sentence is by fund.
        "funds": [key for data in told for key in data.metadata],
        "error": error,
        "run_url": run_url,
    }


def post(url: str, body: Mapping[str, Any]) -> None:
    """Send the message. Raises StagenormError when it did not arrive, which never says where it was to go."""
    if urlsplit(url).scheme not in ("http", "https"):
        raise ConfigurationError(f"{WEBHOOK} is no http or https URL.", remedy="Set it to the webhook's whole URL.")
    remedy = f"Nobody was told of this run. Check {WEBHOOK} where Dagster is started."
    try:
        request = urllib.request.Request(  # noqa: S310 - the scheme was looked at
            url, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S):  # noqa: S310
            pass
    except urllib.error.HTTPError as error:
        error.close()
        raise StagenormError(f"The alert's webhook answered {error.code}.", remedy=remedy) from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        # By its kind alone: the text of some of these errors repeats parts of the URL.
        raise StagenormError(f"The alert's webhook was not reached: {type(error).__name__}.", remedy=remedy) from None


def _for_slack(text: str) -> str:
    """Slack reads `<...>` as a link or a mention."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
