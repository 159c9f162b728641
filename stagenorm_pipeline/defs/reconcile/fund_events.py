"""What the page of a fund shows: the event of its partition, and the evaluation of `fund_clean`."""

from collections.abc import Mapping
from typing import Final

import dagster as dg

from stagenorm_pipeline.counts import counted
from stagenorm_pipeline.defs.assets.asset_names import BATCH_PLAN, NORMALIZED_STAGES, VERIFICATION_REPORT
from stagenorm_pipeline.defs.dagster_internals import AssetEvent, ShownEvent, lineage_tags
from stagenorm_pipeline.defs.data_versions import IN_POSTGRESQL
from stagenorm_pipeline.defs.metadata.what_next import JOBS_PAGE, WhatNext
from stagenorm_pipeline.engine.monitor.recorded_state import FundState, FundStatus
from stagenorm_pipeline.engine.plan.batch_types import PlanKind
from stagenorm_pipeline.report.escape import sentence_for_terminal

FUND_CLEAN = "fund_clean"
FUND_CLEAN_KEY = dg.AssetCheckKey(NORMALIZED_STAGES, FUND_CLEAN)
NOT_BY_A_RUN: Final = "read from the database, not done by a Dagster run"

_UNFINISHED: Final = frozenset({FundStatus.WAITING, FundStatus.PARTLY_DONE, FundStatus.FAILED})
_CLEAN: Final = frozenset({FundStatus.DONE, FundStatus.NO_PLAN})
# A page shows the fund as it is if these entries are equal.
_FIGURES: Final = ("rows_updated", "rows_skipped", "rows_failed", "rows_waiting")
_COMPARED: Final = ("state", "plan_id", *_FIGURES)

# Dagster shows it as the row count of the partition: the rows of the fund that the plan changed.
PARTITION_ROWS: Final = "dagster/partition_row_count"

Metadata = Mapping[str, dg.MetadataValue]


def fund_event(key: str, state: FundState, *, is_done: bool, metadata: Metadata) -> AssetEvent:
    """Return a materialization for a fund that is done, otherwise an observation. Only the first turns it green."""
    if not is_done:
        return dg.AssetObservation(NORMALIZED_STAGES, partition=key, metadata=metadata)
    return dg.AssetMaterialization(
        NORMALIZED_STAGES,
        partition=key,
        metadata=metadata,
        tags=lineage_tags(_data_version(state), inputs={BATCH_PLAN: IN_POSTGRESQL}),
    )


def _data_version(state: FundState) -> str:
    """Return a version that stays the same while the fund does: reporting it again makes no report out of date."""
    return "-".join(str(value) for value in _compared(state))


def is_unfinished(state: FundState) -> bool:
    """Return whether an open plan has batches left for the fund."""
    return state.status in _UNFINISHED


def is_clean(state: FundState) -> bool:
    """Return whether the fund has neither failed nor new work, and no rollback or cancelling undid its work."""
    return state.status in _CLEAN


def fund_metadata(
    state: FundState, in_force: Metadata, *, by: str, this_run: str = NOT_BY_A_RUN, problem: str | None = None
) -> Metadata:
    """Return the entries of a fund's page: the totals of its plan, what this run did, and the settings in force.

    Always the same names, because the page shows the newest value of each. Numbers are plotted; ids are text.
    """
    what_next = fund_next(state)
    found = problem or describe_failure(state)
    return {
        **what_next.metadata(),
        "state": dg.MetadataValue.text(state.status.value),
        "problem": dg.MetadataValue.text(sentence_for_terminal(found) if found else "none"),
        "plan_id": dg.MetadataValue.text(_plan_id(state)),
        **{name: dg.MetadataValue.int(getattr(state, name)) for name in _FIGURES},
        PARTITION_ROWS: dg.MetadataValue.int(state.rows_updated),
        "seconds": dg.MetadataValue.float(state.duration_ms / 1_000),
        "batches": dg.MetadataValue.text(f"{state.batches_completed:,} of {counted(state.batches, 'batch')} applied"),
        "this run": dg.MetadataValue.text(this_run),
        "by": dg.MetadataValue.text(sentence_for_terminal(by)),
        **in_force,
    }


def _plan_id(state: FundState) -> str:
    return "none" if state.plan_id is None else str(state.plan_id)


def is_fund_shown(state: FundState, shown: ShownEvent | None) -> bool:
    """Return whether the fund's newest event shows its state."""
    if shown is None:
        return state.status is FundStatus.NO_PLAN
    return all(shown.metadata.get(name) == value for name, value in zip(_COMPARED, _compared(state), strict=True))


def _compared(state: FundState) -> tuple[str | int, ...]:
    return (state.status.value, _plan_id(state), *(getattr(state, name) for name in _FIGURES))


def fund_next(state: FundState) -> WhatNext:
    """Return what to do next for the fund."""
    if state.kind is PlanKind.ROLLBACK and is_unfinished(state):
        return WhatNext("Its rollback is not finished. Run rollback_job again with the same plan.", JOBS_PAGE)
    page = BATCH_PLAN
    match state.status:
        case FundStatus.DONE:
            text, page = "When all funds are done, materialize verification_report.", VERIFICATION_REPORT
        case FundStatus.WAITING | FundStatus.PARTLY_DONE:
            text = f"{counted(state.rows_waiting, 'row')} left to update. Materialize this fund."
            page = NORMALIZED_STAGES
        case FundStatus.FAILED:
            page = NORMALIZED_STAGES
            text = (
                "Fix the rows, or the constraint or trigger that refuses them, then materialize this fund again. Rows "
                "that are done are not tried again. The view stage_migration_failures lists the refused rows."
            )
        case FundStatus.ROLLED_BACK:
            text = "Rolled back. To normalize again, materialize batch_plan."
        case FundStatus.CANCELLED:
            text = "Its batches were cancelled. To normalize it, materialize batch_plan."
        case FundStatus.NO_PLAN:
            text = "Nothing to do: no plan has batches for this fund."
    return WhatNext(text, page)


def describe_failure(state: FundState) -> str | None:
    """Return where and why batches of the fund failed; None if none did."""
    if not state.batches_failed:
        return None
    where = f"{counted(state.batches_failed, 'batch')} of {state.failed_table}"
    refused = f"{counted(state.rows_failed, 'row')} in {where}" if state.rows_failed else where
    return f"{refused} could not be changed: {state.first_error or 'no reason recorded'}"


def fund_evaluation(state: FundState) -> dg.AssetCheckEvaluation:
    """Return the evaluation of `fund_clean` for the fund. New work is a warning, failed work an error."""
    what_next = fund_next(state)
    is_error = state.status is FundStatus.FAILED
    return dg.AssetCheckEvaluation(
        asset_key=NORMALIZED_STAGES,
        check_name=FUND_CLEAN,
        partition=state.key,
        passed=is_clean(state),
        severity=dg.AssetCheckSeverity.ERROR if is_error else dg.AssetCheckSeverity.WARN,
        description=sentence_for_terminal(f"{state.key} is {state.status}. {_why(state)}{what_next.text}"),
        metadata=what_next.metadata(),
    )


def _why(state: FundState) -> str:
    failure = describe_failure(state)
    return f"{failure.rstrip('.')}. " if failure else ""
