"""One history: where a Dagster instance is configured, it is told afterwards what the command line did.

Only where STAGENORM_DAGSTER_URL or DAGSTER_HOME is set, only when the work is over and shown, and never with a say in
how the command ends. Does not belong here: what is told (see `defs.cli_history`).
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
# Loading Dagster is most of it; a storage that does not answer must not keep the command from ending.
_PATIENCE_S = 30.0


def tell_applied(context: ServiceContext, tally: FundTotals, plan_id: int | None) -> None:
    """Tell of the funds that were worked on and, where it was one plan alone, of that."""

    def report(instance: Any) -> None:
        from stagenorm_pipeline.defs.cli_history import report_applied

        report_applied(instance, context, tally, plan_id=plan_id)

    _tell(report)


def tell_state(context: ServiceContext) -> None:
    """Tell what waits and whether all work is paused, after something that may have changed either."""

    def report(instance: Any) -> None:
        from stagenorm_pipeline.defs.checks.plan_checks import report_plan_checks

        report_plan_checks(instance, context)

    _tell(report)


def tell_verified(verified: VerificationReport, *, is_whole: bool) -> None:
    """Tell of a verification; `is_whole`: of all funds and tables, so that its verdicts are those of the checks."""

    def report(instance: Any) -> None:
        from stagenorm_pipeline.defs.cli_history import report_verified

        report_verified(instance, verified, is_whole=is_whole)

    _tell(report)


def _tell(report: Callable[[Any], None]) -> None:
    if not any(os.environ.get(name, "").strip() for name in _NAMES):
        return
    failures: list[str] = []

    def attempt() -> None:
        # Dagster's own, of features of it that are in beta.
        warnings.simplefilter("ignore")
        try:
            _require_answer()
            from stagenorm_pipeline.defs.cli_history import configured_instance

            with configured_instance() as instance:
                report(instance)
        except StagenormError as error:
            failures.append(error.message)
        except Exception as error:
            # By its kind alone: such texts may quote the URL.
            failures.append(type(error).__name__)

    thread = Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(_PATIENCE_S)
    if thread.is_alive():
        failures.append(f"no answer within {_PATIENCE_S:.0f} s")
    if failures:
        from stagenorm_pipeline.cli.log_lines import say
        from stagenorm_pipeline.report.escape import sentence_for_terminal

        named = " and ".join(name for name in _NAMES if os.environ.get(name, "").strip())
        why = sentence_for_terminal(failures[0].rstrip("."))
        say(f"The work is done, but Dagster was not told of it: {why}. Check {named}.", "WARN")


def _require_answer() -> None:
    """Raises StagenormError at once where the storage cannot be had: Dagster tries for 10 s, and says so each time."""
    from stagenorm_pipeline.engine.postgres.connection import Database

    url = os.environ.get("STAGENORM_DAGSTER_URL", "").strip()
    if url:
        storage = Database.at(url)
        with storage.transaction():
            pass
        storage.close()
