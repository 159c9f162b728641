"""Verify: read the facts in one read-only snapshot, run the seven rules, and put together the result."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import sqlalchemy as sa

from stagenorm_pipeline import __version__
from stagenorm_pipeline.config.configuration import DEFAULT_TARGETS, TargetSetting
from stagenorm_pipeline.config.verify import VerifySettings
from stagenorm_pipeline.engine.inventory.inventory import RowCounts, count_unknown_spellings
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.migrations import require_migrations
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.targets.visibility import visible_targets
from stagenorm_pipeline.engine.verify.against_signed_report import SignedReport
from stagenorm_pipeline.engine.verify.all_findings import all_findings
from stagenorm_pipeline.engine.verify.compared_plans import AppliedPlan, PlansAsked, read_plans, start_of_plan
from stagenorm_pipeline.engine.verify.kept_spellings import kept_spellings
from stagenorm_pipeline.engine.verify.other_session_limits import OtherSessionLimits
from stagenorm_pipeline.engine.verify.result import Finding, FindingsFile, PlanFacts, Rule, VerificationResult
from stagenorm_pipeline.engine.verify.rules.run import RuleResults, run_rules
from stagenorm_pipeline.engine.verify.signed_state import read_signed_state
from stagenorm_pipeline.engine.verify.snapshot import Snapshot
from stagenorm_pipeline.engine.verify.stage_totals import rows_by_stage
from stagenorm_pipeline.engine.verify.starting_point import StartingPoint
from stagenorm_pipeline.engine.verify.verification_facts import VerificationFacts, read_verification_facts
from stagenorm_pipeline.vocabulary import DecisionsInForce, Vocabulary

DEFAULT_SAMPLE_SIZE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyRequest:
    """What to verify. `plan_id`: compare with this plan's baseline instead of the earliest applied plan's.

    `decisions_file`: where the decisions of the vocabulary are, for the report; None: in no file.
    """

    vocabulary: Vocabulary
    decisions_file: DecisionsInForce | None = None
    created_by: str
    targets: tuple[TargetSetting, ...] = DEFAULT_TARGETS
    scope: FundScope = field(default_factory=FundScope)
    strict: bool = False
    sample_size: int = DEFAULT_SAMPLE_SIZE
    sample_seed: int = 0
    plan_id: int | None = None
    settings: VerifySettings = field(default_factory=VerifySettings)
    against: SignedReport | None = None


# Writes every finding to a file while the snapshot is open.
FindingsWriter = Callable[[Iterator[tuple[Rule, Finding]]], FindingsFile]


def verify(
    database: Database, request: VerifyRequest, *, write_findings: FindingsWriter | None = None
) -> VerificationResult:
    """Run the seven rules. `write_findings` gets every finding, not only the examples in the result.

    Raises PlanError if `plan_id` names no plan that was applied to the targets and fund, and TargetError if a judged
    plan named the rows by another key.
    """
    started = time.monotonic()
    with database.snapshot() as connection:
        require_migrations(connection)
        asked, snapshot = _open_snapshot(connection, request)
        facts = read_verification_facts(snapshot, asked, request.vocabulary, request.against)
        ran = run_rules(
            facts,
            request.settings,
            sample_size=request.sample_size,
            sample_seed=request.sample_seed,
            strict=request.strict,
        )
        found = (
            None
            if write_findings is None
            else write_findings(all_findings(facts, request.vocabulary, request.settings))
        )
        return replace(_result(database.name, request, facts, ran, started), findings_file=found)


def _open_snapshot(connection: sa.Connection, request: VerifyRequest) -> tuple[PlansAsked, Snapshot]:
    """Find the targets, the signed state, where judging starts, and the plans to judge."""
    targets = visible_targets(connection, request.targets)
    names = tuple(target.name for target in targets)
    if request.plan_id is None:
        signed = read_signed_state(connection, names, request.scope)
        start = signed.start if signed else StartingPoint()
    else:
        signed, start = None, start_of_plan(connection, request.plan_id)
    first_log_id, last_log_id = connection.exec_driver_sql("SELECT min(id), max(id) FROM stage_normalization_log").one()
    asked = PlansAsked(targets=names, scope=request.scope, start=start, plan_id=request.plan_id)
    snapshot = Snapshot(
        connection=connection,
        scope=request.scope,
        canonical=request.vocabulary.canonical,
        targets=targets,
        plans=read_plans(connection, asked),
        start=start,
        signed=signed,
        taken_at=connection.exec_driver_sql("SELECT now()").scalar_one(),
        last_log_id=last_log_id,
        is_whole_log=first_log_id is None or first_log_id > start.log_id,
    )
    return asked, snapshot


def _result(
    database: str, request: VerifyRequest, facts: VerificationFacts, ran: RuleResults, started: float
) -> VerificationResult:
    snapshot = facts.snapshot
    unknown = sorted((s for i in facts.inventories for s in i.unknown), key=lambda s: (-s.rows, s.spelling))
    kept, kept_total = kept_spellings(facts.inventories, request.vocabulary)
    baselines = {plan_id for target in facts.targets for plan_id in target.coverage.plans}
    return VerificationResult(
        created_at=snapshot.taken_at,
        created_by=request.created_by,
        database=database,
        targets=tuple(snapshot.names),
        scope=request.scope,
        strict=request.strict,
        sample_size=request.sample_size,
        sample_seed=request.sample_seed,
        vocabulary_version=request.vocabulary.version,
        decisions_file=request.decisions_file,
        code_version=__version__,
        plans=_plan_facts(snapshot.plans.in_force, baselines),
        in_progress=ran.waiting > 0,
        checks=ran.checks,
        counts=sum((inventory.counts for inventory in facts.inventories), RowCounts()),
        stages=rows_by_stage(facts.targets, request.vocabulary.canonical),
        funds=ran.funds,
        unknown=tuple(unknown),
        unknown_spellings=count_unknown_spellings(facts.inventories),
        sample=ran.sample,
        left_as_is=kept,
        left_as_is_spellings=kept_total,
        rolled_back=_plan_facts(snapshot.plans.undone, baselines),
        work=facts.log.work,
        work_total=facts.log.work_total,
        coverage=tuple(target.coverage for target in facts.targets),
        rollbacks=_plan_facts(snapshot.plans.rollbacks, baselines),
        undone=facts.undone,
        reads=tuple(snapshot.reads),
        duration_ms=round((time.monotonic() - started) * 1000),
        last_log_id=snapshot.last_log_id,
        signed=snapshot.signed.facts if snapshot.signed else None,
        plan_digests=facts.receipts.digests,
        other_sessions=OtherSessionLimits(settings=request.settings, changes=facts.other_sessions).facts,
        against=facts.signed_report.facts if facts.signed_report else None,
    )


def _plan_facts(plans: tuple[AppliedPlan, ...], baselines: set[int]) -> tuple[PlanFacts, ...]:
    return tuple(replace(plan.facts, is_baseline=plan.plan_id in baselines) for plan in plans)
