"""Report what a command did to Dagster, so that its pages show one history.

Only if STAGENORM_DAGSTER_URL or DAGSTER_HOME is set, and only after the work is done and shown. A report that fails is
a warning: the command's exit code does not depend on it. What is reported is in `defs/cli_history.py`.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from threading import Thread
from typing import TYPE_CHECKING, Any

from stagenorm_pipeline.errors import StagenormError

if TYPE_CHECKING:
    from stagenorm_pipeline.engine.apply.fund_totals import FundTotals
    from stagenorm_pipeline.service.context import ServiceContext
    from stagenorm_pipeline.service.verifying import VerificationReport

_NAMES = ("STAGENORM_DAGSTER_URL", "DAGSTER_HOME")
# Loading Dagster takes most of it. A storage that does not answer must not keep the command from ending.
_TIMEOUT_S = 30.0


def report_applied_to_dagster(context: ServiceContext, tally: FundTotals, plan_id: int | None) -> None:
    """Report the funds that were worked on and, if it was one plan, the plan."""

    def report(instance: Any) -> None:
        from stagenorm_pipeline.defs.cli_history import report_applied

        report_applied(instance, context, tally, plan_id=plan_id)

    _report(report)


def report_state_to_dagster(context: ServiceContext) -> None:
    """Report which funds wait and whether all work is paused. Called when either may have changed."""

    def report(instance: Any) -> None:
        from stagenorm_pipeline.defs.checks.plan_checks import report_plan_checks

        report_plan_checks(instance, context)

    _report(report)


def report_verified_to_dagster(verified: VerificationReport, *, is_whole: bool) -> None:
    """Report a verification. `is_whole`: of all funds and tables, so that it sets the asset checks."""

    def report(instance: Any) -> None:
        from stagenorm_pipeline.defs.cli_history import report_verified

        report_verified(instance, verified, is_whole=is_whole)

    _report(report)


def _report(report: Callable[[Any], None]) -> None:
    if not any(os.environ.get(name, "").strip() for name in _NAMES):
        return
    failures: list[str] = []

    def attempt() -> None:
        # Dagster warns about its own beta features.
        warnings.simplefilter("ignore")
        try:
            _require_answer()
            from stagenorm_pipeline.defs.cli_history import configured_instance

            with configured_instance() as instance:
                report(instance)
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
