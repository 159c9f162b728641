"""After a command, make Dagster's pages show what the database says now.

Only if STAGENORM_DAGSTER_URL or DAGSTER_HOME is set, and only after the work is done and shown. A report that fails is
a warning: the command's exit code does not depend on it. What is reported is in `defs/reconcile`. Dagster's own sensor
does the same every 30 s, so this only saves the wait.
"""

from __future__ import annotations

import os
import warnings
from threading import Thread
from typing import TYPE_CHECKING

from stagenorm_pipeline.errors import StagenormError

if TYPE_CHECKING:
    from stagenorm_pipeline.service.context import ServiceContext

_NAMES = ("STAGENORM_DAGSTER_URL", "DAGSTER_HOME")
# Loading Dagster takes most of it. A storage that does not answer must not keep the command from ending.
_TIMEOUT_S = 30.0


def report_to_dagster(context: ServiceContext) -> None:
    """Report what has changed in plans, batches, verifications and the pause switch."""
    if not any(os.environ.get(name, "").strip() for name in _NAMES):
        return
    failures: list[str] = []

    def attempt() -> None:
        # Dagster warns about its own beta features.
        warnings.simplefilter("ignore")
        try:
            _require_answer()
            from stagenorm_pipeline.defs.reconcile.for_command_line import reconcile_configured_instance

            reconcile_configured_instance(context)
        except StagenormError as error:
            failures.append(error.message)
        except Exception as error:
            # Only its type: the text may quote the URL with its password.
            failures.append(type(error).__name__)

    thread = Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(_TIMEOUT_S)
    if thread.is_alive():
        failures.append(f"no answer within {_TIMEOUT_S:.0f} s")
    if failures:
        from stagenorm_pipeline.cli.log_lines import say
        from stagenorm_pipeline.report.escape import sentence_for_terminal

        named = " and ".join(name for name in _NAMES if os.environ.get(name, "").strip())
        why = sentence_for_terminal(failures[0].rstrip("."))
        say(f"The work is done, but Dagster does not show it: {why}. Check {named}.", "WARN")


def _require_answer() -> None:
    """Raise StagenormError at once if the storage does not answer. Dagster itself retries for 10 s and logs it."""
    from stagenorm_pipeline.engine.postgres.connection import Database

    url = os.environ.get("STAGENORM_DAGSTER_URL", "").strip()
    if url:
        storage = Database.at(url)
        with storage.transaction():
            pass
        storage.close()
