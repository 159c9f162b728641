"""Post a message to the webhook of Slack, Teams, Mattermost or an e-mail gateway.

The webhook's URL is a secret: anyone who has it can post.
"""

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from stagenorm_pipeline.errors import ConfigurationError, StagenormError

WEBHOOK = "STAGENORM_ALERT_WEBHOOK"
# The daemon stops a tick after one minute, and one tick may post several messages.
_TIMEOUT_S = 5.0


def post(url: str, body: Mapping[str, Any]) -> None:
    """Post the message. Raises StagenormError if it was not accepted; the error never contains the URL."""
    if urlsplit(url).scheme not in ("http", "https"):
        raise ConfigurationError(
            f"{WEBHOOK} is not an http or https URL.", remedy="Set it to the full URL of the webhook."
        )
    remedy = f"The next tick sends the alert again. Check {WEBHOOK} where you start Dagster."
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
