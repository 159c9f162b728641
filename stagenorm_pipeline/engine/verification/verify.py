"""A whole verification: the seven rules over one consistent, read-only snapshot. Never writes to the targets."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import sqlalchemy as sa

from stagenorm_pipeline import __version__
from stagenorm_pipeline.engine.configuration import DEFAULT_TARGETS, TargetSetting
from stagenorm_pipeline.engine.connection import Database
from stagenorm_pipeline.engine.errors import PlanError
from stagenorm_pipeline.engine.funds import FundScope
from stagenorm_pipeline.engine.inventory import RowCounts, count_unknown_spellings, read_inventory
from stagenorm_pipeline.engine.migrations import require_migrations
from stagenorm_pipeline.engine.statements import statement
from stagenorm_pipeline.engine.targets import resolve_targets
from stagenorm_pipeline.engine.verification import (
    r1_batch_tracking,
    r2_canonical_stages,
    r3_null_integrity,
    r4_row_counts,
    r5_audit_consistency,
    r6_sample_inspection,
    r7_fund_breakdown,
)
from stagenorm_pipeline.engine.verification.facts import Snapshot, TargetFacts, read_sample, read_target
from stagenorm_pipeline.engine.verification.result import (
    CheckResult,
    Outcome,
    PlanFacts,
    Severity,
    StageRows,
    VerificationResult,
)
from stagenorm_pipeline.vocabulary import CANONICAL_STAGES, MeaningKind, Vocabulary

DEFAULT_SAMPLE_SIZE = 100


@dataclass(frozen=True, slots=True)
class VerifyRequest:
    """What to verify. `plan_id`: compare with this plan's baseline instead of the earliest applied one's."""

    vocabulary: Vocabulary
    created_by: str
    targets: tuple[TargetSetting, ...] = DEFAULT_TARGETS
    scope: FundScope = field(default_factory=FundScope)
    strict: bool = False
    sample_size: int = DEFAULT_SAMPLE_SIZE
    sample_seed: int = 0
    plan_id: int | None = None


def verify(database: Database, request: VerifyRequest) -> VerificationResult:
    """Run the seven rules. Raises PlanError when `plan_id` names no applied plan of the targets and fund."""
    with database.snapshot() as connection:
        require_migrations(connection)
        return _Verification(connection, database.name, request).result()


def record_verification(database: Database, result: VerificationResult, report_sha256: str) -> int:
    """Note that the verification was made. Returns its number."""
    with database.transaction() as connection:
        number = connection.exec_driver_sql(
            statement("record_verification"),
            {
                "created_by": result.created_by,
                "plan_id": result.plans[-1].plan_id if result.plans else None,
                "scope": json.dumps({"targets": list(result.targets), **result.scope.as_json()}),
                "strict": result.strict,
                "verdict": result.verdict.value,
                "checks_passed": result.count(Outcome.PASSED),
                "checks_failed": result.count(Outcome.FAILED),
                "checks_warned": result.count(Outcome.WARNED),
                "report_sha256": report_sha256,
            },
        ).scalar_one()
    return int(number)


class _Verification:
    def __init__(self, connection: sa.Connection, database: str, request: VerifyRequest) -> None:
        self._started = time.monotonic()
        self._request = request
        self._connection = connection
        self._database = database
        self._targets = resolve_targets(connection, request.targets)
        self._names = [target.name for target in self._targets]
        self._snapshot = Snapshot(connection, request.scope, self._covered_plans())

    def result(self) -> VerificationResult:
        request = self._request
        created_at = self._connection.exec_driver_sql("SELECT now()").scalar_one()
        inventories = read_inventory(self._connection, self._targets, request.scope, request.vocabulary)
        facts = tuple(read_target(self._snapshot, inventory) for inventory in inventories)
        baselines = {plan for target in facts if target.baseline for plan in target.baseline.plans}
        funds = r7_fund_breakdown.break_down(facts)
        sample = read_sample(self._snapshot, self._targets, request.sample_size, request.sample_seed)
        checks = (
            self._timed(lambda: r1_batch_tracking.check(self._snapshot, self._names)),
            self._timed(lambda: r2_canonical_stages.check(self._snapshot, facts)),
            self._timed(lambda: r3_null_integrity.check(facts)),
            self._timed(lambda: r4_row_counts.check(facts)),
            self._timed(lambda: r5_audit_consistency.check(self._snapshot, facts)),
            self._timed(lambda: r6_sample_inspection.check(sample, request.sample_size, request.sample_seed)),
            self._timed(lambda: r7_fund_breakdown.check(funds)),
        )
        unknown = sorted((s for i in inventories for s in i.unknown), key=lambda s: (-s.rows, s.spelling))
        figures = checks[0].figures
        return VerificationResult(
            created_at=created_at,
            created_by=request.created_by,
            database=self._database,
            targets=tuple(self._names),
            scope=request.scope,
            strict=request.strict,
            sample_size=request.sample_size,
            sample_seed=request.sample_seed,
            vocabulary_version=request.vocabulary.version,
            code_version=__version__,
            plans=tuple(replace(plan, is_baseline=plan.plan_id in baselines) for plan in self._snapshot.plans),
            in_progress=bool(figures.get("pending_batches", 0) or figures.get("running_batches", 0)),
            checks=checks,
            counts=sum((inventory.counts for inventory in inventories), RowCounts()),
            stages=_stage_rows(facts),
            funds=funds,
            unknown=tuple(unknown),
            unknown_spellings=count_unknown_spellings(inventories),
            sample=sample,
            duration_ms=round((time.monotonic() - self._started) * 1000),
        )

    def _covered_plans(self) -> tuple[PlanFacts, ...]:
        request = self._request
        rows = self._connection.exec_driver_sql(
            statement("verify_plans"),
            {
                "targets": self._names,
                "first_plan": request.plan_id,
                "all_funds": request.scope.all_funds,
                "fund_id": request.scope.fund_id,
            },
        )
        plans = tuple(
            PlanFacts(row.plan_id, row.status, row.created_at, row.created_by, row.vocabulary_version, False)
            for row in rows
        )
        if request.plan_id is not None and (not plans or plans[0].plan_id != request.plan_id):
            raise PlanError(
                f"Plan {request.plan_id} was never applied to these tables and this fund, or was rolled back.",
                remedy="`stagenorm status` shows the plans; without --plan the earliest applied one is taken.",
            )
        return plans

    def _timed(self, check: Callable[[], CheckResult]) -> CheckResult:
        started = time.monotonic()
        result = check()
        severity = Severity.ERROR if self._request.strict else result.severity
        return replace(result, severity=severity, duration_ms=round((time.monotonic() - started) * 1000))


def _stage_rows(targets: tuple[TargetFacts, ...]) -> tuple[StageRows, ...]:
    rows = []
    for facts in targets:
        now = {s.spelling: s.rows for s in facts.inventory.spellings if s.kind is MeaningKind.CANONICAL}
        counts = facts.inventory.counts
        now["other"] = counts.rows_unknown + counts.rows_to_change + counts.rows_left_as_is
        now["NULL"] = counts.rows_null
        before = facts.baseline.stages if facts.baseline else None
        for stage in (*CANONICAL_STAGES, "other", "NULL"):
            name = str(stage)
            rows.append(
                StageRows(facts.name, name, before.get(name, 0) if before is not None else None, now.get(name, 0))
            )
    return tuple(rows)
