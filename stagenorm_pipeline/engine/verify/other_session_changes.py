"""Count the changes by other sessions since the signed state. `other_session_limits` decides when they are an error.

There are two counts, because neither sees everything. Audited rows are compared one by one. All other rows are known
by their counts only: the baseline by fund and canonical stage, plus what the log moved, is compared with now.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from stagenorm_pipeline.engine.inventory.inventory import RowCounts
from stagenorm_pipeline.engine.postgres.planner_hints import by_hashing
from stagenorm_pipeline.engine.verify.audit_log import AuditLog
from stagenorm_pipeline.engine.verify.audited_rows import RowState
from stagenorm_pipeline.engine.verify.baseline import Baseline
from stagenorm_pipeline.engine.verify.log_moves import LogMove, LogMoves, read_moves_by_row
from stagenorm_pipeline.engine.verify.snapshot import Snapshot
from stagenorm_pipeline.engine.verify.target_facts import TargetFacts

_BY_OTHER_SESSIONS = (RowState.GONE, RowState.NULL, RowState.CHANGED, RowState.MOVED)


class Loss(StrEnum):
    """What happened to every changed row, or to every row, of a target."""

    GONE = "gone"
    NULL = "NULL now"
    GONE_OR_NULL = "gone or NULL now"
    ONE_STAGE = "on one stage"


@dataclass(frozen=True, slots=True, kw_only=True)
class TotalLoss:
    """Every row that stagenorm changed in a target is lost. `is_whole`: every row of the target is.

    `stage`: the one stage that all these rows hold now.
    """

    target: str
    loss: Loss
    rows: int
    is_whole: bool = False
    stage: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unplanned:
    """Rows of a fund that left a canonical stage without a log entry, and that rules 3 and 4 do not report. A minimum.

    `stages`: how many rows each stage lost.
    """

    target: str
    fund_id: str | None
    rows: int
    stages: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherSessionChanges:
    """The changes by other sessions in one target.

    `audited`: rows that the log names. `audited_changed`: audited rows that are gone, NULL, moved or changed.
    `before`: rows of the baseline. `fewer`: rows that funds lost. `more_null`: new NULLs that inserted rows cannot
    explain.
    """

    audited: int = 0
    audited_changed: int = 0
    before: int = 0
    fewer: int = 0
    more_null: int = 0
    unplanned: tuple[Unplanned, ...] = ()
    loss: TotalLoss | None = None

    @property
    def rows_unplanned(self) -> int:
        return sum(found.rows for found in self.unplanned)

    @property
    def changed(self) -> int:
        """The minimum number of rows that changed, by the counts of the funds."""
        return self.fewer + self.more_null + self.rows_unplanned


def read_other_session_changes(
    snapshot: Snapshot, facts: TargetFacts, log: AuditLog, *, is_log_sound: bool
) -> OtherSessionChanges:
    """Count the changes by other sessions in one target. Inserted rows never count.

    `is_log_sound` false: entries were altered, so the log cannot tell which other rows changed.
    """
    moves = _read_moves(snapshot, facts, log)
    changed = sum(facts.audited.of(state).total for state in _BY_OTHER_SESSIONS)
    counts = facts.baseline.counts if facts.baseline else RowCounts()
    fewer, more_null, unplanned = _by_fund(snapshot, facts, facts.baseline, moves) if facts.baseline else (0, 0, ())
    return OtherSessionChanges(
        audited=moves.rows_named,
        audited_changed=changed,
        before=counts.rows_seen,
        fewer=fewer,
        more_null=more_null,
        unplanned=unplanned if is_log_sound else (),
        loss=_total_loss(snapshot, facts, moves.rows_named),
    )


def _read_moves(snapshot: Snapshot, facts: TargetFacts, log: AuditLog) -> LogMoves:
    if len(log.plans) > 1 and facts.name in log.targets:
        return read_moves_by_row(snapshot, facts.inventory.target)
    return log.moves.get(facts.name, LogMoves())


def _total_loss(snapshot: Snapshot, facts: TargetFacts, audited: int) -> TotalLoss | None:
    """Return what happened to the rows if it happened to all of them; None if some still hold what they held."""
    before = facts.baseline.counts if facts.baseline else RowCounts()
    now = facts.inventory.counts
    # Not for one fund: its only company may have moved to another fund.
    if snapshot.scope.all_funds and before.rows_seen and not now.rows_seen:
        return TotalLoss(target=facts.name, loss=Loss.GONE, rows=before.rows_seen, is_whole=True)
    if snapshot.scope.all_funds and before.rows_seen > before.rows_null and now.rows_seen == now.rows_null:
        return TotalLoss(target=facts.name, loss=Loss.NULL, rows=now.rows_null, is_whole=True)
    in_force = audited - facts.audited.rows_left
    states = {state: rows.total for state, rows in facts.audited.states.items()}
    gone, null = states.get(RowState.GONE, 0), states.get(RowState.NULL, 0)
    changed, there = states.get(RowState.CHANGED, 0), in_force - gone - null
    if in_force > 0 and there <= 0:
        loss = Loss.GONE if not null else Loss.NULL if not gone else Loss.GONE_OR_NULL
        return TotalLoss(target=facts.name, loss=loss, rows=in_force)
    # At least half: otherwise a user may have moved a few rows to the stage that most rows got.
    if changed and 2 * changed >= there:
        with by_hashing(snapshot.connection):
            held = snapshot.target_rows(
                "verify/stages_of_audited_rows", facts.inventory.target, ("key", "table", "stage")
            )
        if len(held) == 1:
            return TotalLoss(target=facts.name, loss=Loss.ONE_STAGE, rows=in_force, stage=held[0].stage)
    return None


def _by_fund(
    snapshot: Snapshot, facts: TargetFacts, baseline: Baseline, moves: LogMoves
) -> tuple[int, int, tuple[Unplanned, ...]]:
    """Count by fund: rows lost, new NULLs, and canonical rows that changed without a log entry."""
    moved = _moved_by_log(baseline, moves.moves)
    shifts = facts.audited.shifts
    now = {fund.fund_id: fund.counts for fund in facts.inventory.funds}
    fewer = more_null = 0
    unplanned = []
    for fund_id in {**now, **baseline.funds}:
        before = baseline.before(fund_id)
        if before is None:
            continue
        counts = now.get(fund_id, RowCounts())
        gone = max(0, before.rows_seen - counts.rows_seen)
        inserted = max(0, counts.rows_seen - before.rows_seen)
        null = max(0, counts.rows_null - before.rows_null - inserted)
        fewer, more_null = fewer + gone, more_null + null
        here = facts.stages.get(fund_id, {})
        stages = _decreases(baseline, here, fund_id, (moved, shifts.rows), snapshot.canonical)
        # Rules 3 and 4 report rows that are gone or NULL.
        reported = max(0, gone - shifts.left[fund_id]) + max(0, null - shifts.null[fund_id])
        rows = sum(stages.values()) - reported
        if rows > 0:
            unplanned.append(Unplanned(target=facts.name, fund_id=fund_id, rows=rows, stages=stages))
    return fewer, more_null, tuple(sorted(unplanned, key=lambda found: -found.rows))


def _decreases(
    baseline: Baseline,
    now: Mapping[str, int],
    fund_id: str | None,
    known: Iterable[Counter[tuple[str | None, str]]],
    canonical: Iterable[str],
) -> dict[str, int]:
    """Count by how many rows each canonical stage of the fund is below the expected number."""
    before = baseline.fund_stages.get(fund_id, {})
    expected = {stage: before.get(stage, 0) + sum(rows[fund_id, stage] for rows in known) for stage in canonical}
    return {stage: rows - now.get(stage, 0) for stage, rows in expected.items() if rows > now.get(stage, 0)}


def _moved_by_log(baseline: Baseline, moves: tuple[LogMove, ...]) -> Counter[tuple[str | None, str]]:
    moved: Counter[tuple[str | None, str]] = Counter()
    for move in moves:
        if not baseline.counted_at.is_before(move.fund_id, move.first_at):
            continue
        for stage, sign in ((move.taken_from, -1), (move.given_to, 1)):
            if stage is not None:
                moved[move.fund_id, stage] += sign * move.rows
    return moved
