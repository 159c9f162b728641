"""Report to a Dagster instance what the command line did, so that its pages show the full history.

`cli.dagster_history` calls this after a command has printed its result, because importing Dagster takes seconds.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from stagenorm_pipeline.defs.apply_fund import FundOutcome, describe_problem
from stagenorm_pipeline.defs.assets.asset_names import BATCH_PLAN, NORMALIZED_STAGES, VERIFICATION_REPORT
from stagenorm_pipeline.defs.assets.batch_plan import open_plan_metadata
from stagenorm_pipeline.defs.assets.verification_report import report_metadata
from stagenorm_pipeline.defs.checks.check_verdict import check_verdicts
from stagenorm_pipeline.defs.checks.plan_checks import report_plan_checks, runless_evaluation
from stagenorm_pipeline.defs.dagster_internals import report_runless_events
from stagenorm_pipeline.defs.jobs.rollback_job import rollback_observation
from stagenorm_pipeline.defs.metadata.report_files import command_line_report_entries
from stagenorm_pipeline.defs.partitions import add_fund_keys
from stagenorm_pipeline.engine.apply.fund_totals import FundResult, FundTotals
from stagenorm_pipeline.engine.apply.runner import ApplyResult
from stagenorm_pipeline.engine.plan.batch_types import PlanKind
from stagenorm_pipeline.engine.postgres.identity import user_name
from stagenorm_pipeline.engine.targets.funds import fund_key
from stagenorm_pipeline.report.escape import for_markdown
from stagenorm_pipeline.service.context import ServiceContext
from stagenorm_pipeline.service.monitoring import read_waiting_work
from stagenorm_pipeline.service.verifying import VerificationReport

_URL = "STAGENORM_DAGSTER_URL"
_SETTINGS = "storage: {postgres: {postgres_url: {env: STAGENORM_DAGSTER_URL}}}\ntelemetry: {enabled: false}\n"


@contextmanager
def configured_instance() -> Iterator[dg.DagsterInstance]:
    """Open the instance of DAGSTER_HOME or, if that is not set, the storage at STAGENORM_DAGSTER_URL."""
    if url := os.environ.get(_URL, "").strip():
        # Same driver as in local.dagster_services: with another one, the first event fails.
        os.environ[_URL] = "postgresql+psycopg2://" + url.partition("://")[2]
    if os.environ.get("DAGSTER_HOME", "").strip():
        with dg.DagsterInstance.get() as instance:
            yield instance
        return
    with tempfile.TemporaryDirectory(prefix="stagenorm-") as directory:
        (Path(directory) / "dagster.yaml").write_text(_SETTINGS)
        with dg.DagsterInstance.from_config(directory) as instance:
            yield instance


def report_applied(
    instance: dg.DagsterInstance, service: ServiceContext, totals: FundTotals, *, plan_id: int | None
) -> None:
    """Report each applied fund as `normalized_stages` would, and the plan if it was a single one."""
    waiting = {fund.fund_id: fund.rows for fund in read_waiting_work(service).funds}
    normalized = dict(totals.funds(PlanKind.NORMALIZE))
    rolled_back = dict(totals.funds(PlanKind.ROLLBACK))
    add_fund_keys(instance, [*waiting, *normalized, *rolled_back])
    if plan_id is not None and normalized:
        metadata = {**open_plan_metadata(service, plan_id), "by": _command_line_user()}
        instance.report_runless_asset_event(dg.AssetMaterialization(BATCH_PLAN, metadata=metadata))
    events = [_fund_event(fund_id, result, waiting.get(fund_id)) for fund_id, result in normalized.items()]
    events += [rollback_observation(fund_id, result) for fund_id, result in rolled_back.items()]
    report_runless_events(instance, events)
    report_plan_checks(instance, service)


def report_verified(instance: dg.DagsterInstance, report: VerificationReport, *, is_whole: bool) -> None:
    """Report a verification and its checks. A partial one becomes an observation and leaves the checks as they are."""
    result = report.result
    metadata = {**report_metadata(report, command_line_report_entries(report)), "by": _command_line_user()}
    if not is_whole:
        scope = dg.MetadataValue.md(for_markdown(f"{result.scope.label}: {', '.join(result.targets)}"))
        instance.report_runless_asset_event(
            dg.AssetObservation(VERIFICATION_REPORT, metadata={"of a part": scope, **metadata})
        )
        return
    instance.report_runless_asset_event(dg.AssetMaterialization(VERIFICATION_REPORT, metadata=metadata))
    for verdict in check_verdicts(result).values():
        instance.report_runless_asset_event(runless_evaluation(verdict.as_check_result()))


def _fund_event(
    fund_id: str | None, result: FundResult, rows_left: int | None
) -> dg.AssetMaterialization | dg.AssetObservation:
    """Return the event that `normalized_stages` would report for the fund. `rows_left` None: no rows are left."""
    applied = ApplyResult(
        batches=result.batches,
        completed=result.batches - result.failed,
        failed=result.failed,
        stopped=not result.failed and rows_left is not None,
        rows=result.rows,
    )
    outcome = FundOutcome(
        key=fund_key(fund_id),
        result=applied,
        problem=describe_problem(applied, result.first_error),
        rows_left=rows_left or 0,
    )
    kind = dg.AssetMaterialization if outcome.is_done else dg.AssetObservation
    return kind(NORMALIZED_STAGES, partition=outcome.key, metadata=outcome.metadata(_command_line_user()))


def _command_line_user() -> str:
    return f"the command line, {user_name()}"
