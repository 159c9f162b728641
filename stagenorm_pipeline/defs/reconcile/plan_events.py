"""What the pages of `batch_plan` and of all of `normalized_stages` show: the plan, its totals, and two checks."""

from collections.abc import Mapping, Sequence
from typing import Final

import dagster as dg

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.defs.assets.asset_names import (
    BATCH_PLAN,
    NORMALIZED_STAGES,
    STAGE_INVENTORY,
    VERIFICATION_REPORT,
)
from stagenorm_pipeline.defs.dagster_internals import AssetEvent, ShownEvent, lineage_tags
from stagenorm_pipeline.defs.data_versions import IN_POSTGRESQL
from stagenorm_pipeline.defs.metadata.what_next import JOBS_PAGE, WhatNext
from stagenorm_pipeline.defs.reconcile.fund_events import (
    describe_failure,
    is_unfinished,
)
from stagenorm_pipeline.engine.apply.pause import Control
from stagenorm_pipeline.engine.monitor.recorded_state import FundState, FundStatus, PlanState, RecordedState
from stagenorm_pipeline.engine.plan.batch_types import PlanKind
from stagenorm_pipeline.report.escape import sentence_for_terminal
from stagenorm_pipeline.report.number_formats import duration

NO_BATCH_FAILED = "no_batch_failed"
NOT_PAUSED = "not_paused"
PLAN_CHECKS = (dg.AssetCheckKey(BATCH_PLAN, NO_BATCH_FAILED), dg.AssetCheckKey(BATCH_PLAN, NOT_PAUSED))

# The partition of the totals. No key of a fund is like it.
TOTALS_KEY: Final = "all-funds"

_FUNDS_NAMED: Final = 5
_FUNDS_LISTED: Final = 50
# A page shows the plan as it is if these entries are equal.
_COMPARED: Final = ("plan_id", "status", "drafts")
_TOTALS: Final = (
    "funds_done",
    "funds_waiting",
    "funds_failed",
    "all_rows_updated",
    "all_rows_failed",
    "all_rows_waiting",
)

Metadata = Mapping[str, dg.MetadataValue]


def plan_metadata(state: RecordedState) -> Metadata:
    """Return the entries of `batch_plan` that change after the plan was made. Numbers are plotted; ids are text."""
    plan = state.plan
    return {
        **plan_next(state).metadata(),
        "plan_id": dg.MetadataValue.text(str(plan.plan_id) if plan else "none"),
        "status": dg.MetadataValue.text(_status(plan)),
        "drafts": dg.MetadataValue.text(", ".join(map(str, state.drafts)) or "none"),
        "made by": dg.MetadataValue.text(_made_by(plan)),
    }


def plan_figures(plan: PlanState) -> Metadata:
    """Return the figures of a plan that was recorded earlier."""
    return {
        "batches": dg.MetadataValue.int(plan.total_batches),
        "rows_to_update": dg.MetadataValue.int(plan.rows_to_change),
        "rows_seen": dg.MetadataValue.int(plan.rows_seen),
        "rows_unknown": dg.MetadataValue.int(plan.rows_unknown),
        "funds_to_change": dg.MetadataValue.int(plan.funds),
    }


def plan_materialization(state: RecordedState, in_force: Metadata) -> dg.AssetMaterialization:
    """Return the event that shows a plan which no run of `batch_plan` has shown.

    A materialization, because the overview of an asset shows no other event.
    """
    figures = plan_figures(state.plan) if state.plan else {}
    return dg.AssetMaterialization(
        BATCH_PLAN,
        metadata={**plan_metadata(state), **figures, **in_force},
        tags=lineage_tags(IN_POSTGRESQL, inputs={STAGE_INVENTORY: IN_POSTGRESQL}),
    )


def is_plan_shown(state: RecordedState, shown: ShownEvent | None) -> bool:
    """Return whether the newest event of `batch_plan` shows the plan."""
    if shown is None:
        return state.plan is None
    now = plan_metadata(state)
    return all(shown.metadata.get(name) == now[name].value for name in _COMPARED)


def plan_next(state: RecordedState) -> WhatNext:
    """Return how far the plan is and what to do next."""
    plan = state.plan
    if plan is None:
        return WhatNext("No plan. Run dry_run_job, review what it shows, then materialize batch_plan.", JOBS_PAGE)
    done = _next_of(plan)
    drafts = [f" Plan {draft} {_DRAFT.format(plan_id=draft)}" for draft in state.drafts[:2] if plan.status != "draft"]
    return WhatNext("".join((done.text, *drafts)), done.page)


_DRAFT: Final = (
    "is a draft. To open it, materialize batch_plan from its launchpad (the arrow beside Materialize) with "
    "open_draft: {plan_id}. To cancel it, run cancel_plan_job."
)


def _next_of(plan: PlanState) -> WhatNext:
    named = f"Plan {plan.plan_id}"
    page: dg.AssetKey | str = BATCH_PLAN
    match plan.status, plan.kind:
        case "draft", _:
            text = f"{named} {_DRAFT.format(plan_id=plan.plan_id)}"
        case "open", PlanKind.ROLLBACK:
            text, page = f"{named}, a rollback, is not finished. Run rollback_job again.", JOBS_PAGE
        case "open", _ if plan.funds_failed:
            failed = counted(plan.funds_failed, "fund")
            text = f"{named} is open. {failed} of it failed: the check no_batch_failed of batch_plan says why."
        case "open", _:
            page = NORMALIZED_STAGES
            text = (
                f"{named} is open. Review it, then apply it: materialize normalized_stages for one fund, then run "
                "normalize_all_job. "
                f"To cancel it, run cancel_plan_job with plan_id {plan.plan_id}."
            )
        case "cancelled", _:
            text = f"{named} was cancelled. To normalize, materialize batch_plan."
        case "rolled_back", _:
            text = f"{named} was rolled back. To normalize again, materialize batch_plan."
        case _, PlanKind.ROLLBACK:
            rows = counted(plan.rows_updated, "row")
            text = f"{named}, a rollback, is done: {rows} restored. To normalize again, materialize batch_plan."
        case _:
            text, page = _completed(plan), VERIFICATION_REPORT
    return WhatNext(text, page)


def _completed(plan: PlanState) -> str:
    if not plan.rows_to_change:
        return "Nothing to change: every known spelling is canonical. Materialize verification_report."
    return f"Plan {plan.plan_id} is done: {counted(plan.rows_updated, 'row')} updated. Materialize verification_report."


def _status(plan: PlanState | None) -> str:
    if plan is None:
        return "none"
    status = plan.status.replace("_", " ")
    return f"{status}, with failed funds" if plan.status == "open" and plan.funds_failed else status


def _made_by(plan: PlanState | None) -> str:
    if plan is None:
        return "nobody"
    made_at = plan.created_at.astimezone().strftime("%Y-%m-%d %H:%M %Z")
    return sentence_for_terminal(f"{plan.created_by}, {made_at}")


def totals_metadata(state: RecordedState) -> Metadata:
    """Return the totals of the plan over all funds, for the overview of `normalized_stages`."""
    plan = state.plan
    unfinished = [fund for fund in state.funds if is_unfinished(fund)]
    return {
        "all funds": dg.MetadataValue.text(_totals_sentence(plan)),
        **plan_next(state).metadata(),
        "funds left": _funds_table(unfinished),
        "funds_done": dg.MetadataValue.int(plan.funds_done if plan else 0),
        "funds_waiting": dg.MetadataValue.int(plan.funds_waiting if plan else 0),
        "funds_failed": dg.MetadataValue.int(plan.funds_failed if plan else 0),
        "all_rows_updated": dg.MetadataValue.int(plan.rows_updated if plan else 0),
        "all_rows_failed": dg.MetadataValue.int(plan.rows_failed if plan else 0),
        "all_rows_waiting": dg.MetadataValue.int(plan.rows_waiting if plan else 0),
    }


def totals_event(state: RecordedState, in_force: Metadata, *, is_any_fund_done: bool) -> AssetEvent:
    """Return the event that shows the totals. A materialization only if a fund has one: before, it would look done.

    The overview of a partitioned asset shows its newest materialization, of whichever partition. On the page of a fund
    the totals would stay when they are old, and an event without a partition would hide the verdict of `fund_clean` of
    every fund. So it has a partition that is no fund's: Dagster counts and lists only those of the definition.
    """
    metadata = {**totals_metadata(state), **in_force}
    if not is_any_fund_done:
        return dg.AssetObservation(NORMALIZED_STAGES, partition=TOTALS_KEY, metadata=metadata)
    return dg.AssetMaterialization(NORMALIZED_STAGES, partition=TOTALS_KEY, metadata=metadata)


def are_totals_shown(state: RecordedState, shown: ShownEvent | None) -> bool:
    """Return whether the newest event of `normalized_stages` shows the totals."""
    if shown is None:
        return not state.funds
    now = totals_metadata(state)
    return all(shown.metadata.get(name) == now[name].value for name in (*_TOTALS, "what next"))


def _totals_sentence(plan: PlanState | None) -> str:
    if plan is None:
        return "No plan."
    parts = [f"{plan.funds_done:,} of {counted(plan.funds, 'fund')} done"]
    parts += [f"{plan.funds_waiting:,} waiting"] if plan.funds_waiting else []
    parts += [f"{plan.funds_failed:,} failed"] if plan.funds_failed else []
    kind = f"Plan {plan.plan_id}" if plan.kind is PlanKind.NORMALIZE else f"Plan {plan.plan_id}, a rollback"
    updated = "restored" if plan.kind is PlanKind.ROLLBACK else "updated"
    rows = f"{counted(plan.rows_updated, 'row')} {updated}, {plan.rows_waiting:,} waiting, {plan.rows_failed:,} refused"
    return f"{kind} ({_status(plan)}): {', '.join(parts)}. {rows}, in {duration(plan.duration_ms)} of work."


def _funds_table(funds: Sequence[FundState]) -> dg.MetadataValue:
    """Return the funds as a table, failed ones first. Narrow: with a fourth column the page was cut at 1,280 pixels."""
    if not funds:
        return dg.MetadataValue.text("none")
    failed_first = sorted(funds, key=lambda fund: fund.status is not FundStatus.FAILED)
    records = [
        {"fund": fund.key, "state": fund.status.value, "rows left": f"{fund.rows_waiting + fund.rows_failed:,}"}
        for fund in failed_first[:_FUNDS_LISTED]
    ]
    if len(funds) > _FUNDS_LISTED:
        records.append({"fund": f"{len(funds) - _FUNDS_LISTED:,} more", "state": "", "rows left": ""})
    return dg.MetadataValue.table([dg.TableRecord(record) for record in records])


def plan_check_results(state: RecordedState) -> tuple[dg.AssetCheckResult, dg.AssetCheckResult]:
    """Return the results of `no_batch_failed` and `not_paused`."""
    failed = [fund for fund in state.funds if fund.status is FundStatus.FAILED]
    waiting = [fund for fund in state.funds if fund.batches_waiting]
    return (
        dg.AssetCheckResult(
            asset_key=BATCH_PLAN,
            check_name=NO_BATCH_FAILED,
            passed=not failed,
            severity=dg.AssetCheckSeverity.ERROR,
            description=_describe_failed(failed, waiting),
            metadata={
                "funds_failed": len(failed),
                "funds_waiting": len(waiting),
                "batches_failed": sum(fund.batches_failed for fund in failed),
                "rows_failed": sum(fund.rows_failed for fund in failed),
                "rows_waiting": sum(fund.rows_waiting for fund in waiting),
                "funds left": _funds_table([*failed, *(fund for fund in waiting if fund not in failed)]),
                "what next": _what_next_for(failed, waiting),
                "open": dg.MetadataValue.asset(NORMALIZED_STAGES),
            },
        ),
        dg.AssetCheckResult(
            asset_key=BATCH_PLAN,
            check_name=NOT_PAUSED,
            passed=not state.control.paused,
            severity=dg.AssetCheckSeverity.WARN,
            description=_describe_pause(state.control),
        ),
    )


def _describe_failed(failed: Sequence[FundState], waiting: Sequence[FundState]) -> str:
    rows = sum(fund.rows_waiting for fund in waiting)
    waits = f"{counted(len(waiting), 'fund')} with {counted(rows, 'row')}" if waiting else "no fund"
    if not failed:
        return f"No batch failed. Waiting: {waits}."
    first = failed[0]
    return sentence_for_terminal(
        f"{counted(len(failed), 'fund')} failed: {_named(failed)}. {first.key}: "
        f"{(describe_failure(first) or '').rstrip('.')}. {_what_next_for(failed, waiting)}"
    )


def _what_next_for(failed: Sequence[FundState], waiting: Sequence[FundState]) -> str:
    if failed:
        return (
            "Fix the rows, or the constraint or trigger that refuses them, then materialize normalized_stages for "
            "these funds again. The view stage_migration_failures lists the refused rows."
        )
    return f"Materialize normalized_stages for {_named(waiting)}." if waiting else "Nothing to do."


def _named(funds: Sequence[FundState]) -> str:
    names = ", ".join(fund.key for fund in funds[:_FUNDS_NAMED])
    return f"{names} and {len(funds) - _FUNDS_NAMED:,} more" if len(funds) > _FUNDS_NAMED else names


def _describe_pause(control: Control) -> str:
    if not control.paused:
        return "Not paused. To pause all runners, run the job pause_job."
    reason, changed_by = control.reason or "no reason given", control.changed_by or "an unknown user"
    since = control.changed_at.astimezone().strftime("%Y-%m-%d %H:%M %Z")
    return sentence_for_terminal(f"Paused since {since} by {changed_by}: {reason}. To continue, run unpause_job.")
