"""Verification results and plans built by hand: a quiet one, and one whose every text is hostile."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import count

import pytest

from stagenorm_pipeline.engine.inventory.inventory import FundRows, RowCounts, SpellingTotal, TargetInventory
from stagenorm_pipeline.engine.plan.plan import Plan
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.targets.target import KeyKind, Target
from stagenorm_pipeline.engine.verify.result import (
    Against,
    AgainstOutcome,
    AuditedWork,
    CheckResult,
    Coverage,
    Finding,
    FundBreakdown,
    LeftAsIs,
    OtherSessions,
    PlanFacts,
    Rule,
    SampleRow,
    Severity,
    SharedRead,
    StageRows,
    UndoneRows,
    VerificationResult,
)
from stagenorm_pipeline.vocabulary import DecisionsInForce, MeaningKind, Stage
from stagenorm_pipeline_tests.support.spellings import CANONICAL_STAGES

COMPANIES = "public.portfoliocompanies.stage"
DEALS = "public.deal_opportunities.stage"
NOON = datetime(2026, 1, 19, 12, 0, 5, 250_000, tzinfo=UTC)

HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><b class="x">',
    "a | b | c\n|---|---|---|\n| d | e | f |",
    "\\| x |",
    "{{ 7 * 7 }}",
    "\x1b[2J\x1b]0;title\x07",
    "\x9b31mred",
    "\u202etxet\u2066 ",
    "\u200b\ufeff\u3164",
    "line\u2028separator\u2029\x85\x0b\x0c",
    "over\rwrite\x08\x08",
    "`code` ``more``",
    "![x](javascript:alert(1))",
    "[click](javascript:alert(1))",
    "http://evil.example/ www.evil.example me@evil.example",
    "<http://evil.example>",
    "*bold* _it_ ~~gone~~ # head :smile: @who #1 $x$ &lt; &#60;",
    "[^1]\n\n[^1]: note",
    "- [x] done",
    "שלום \u200fعليكم",
    "Z" + "\u0301" * 40,
    "'; DROP TABLE plans; --",
    "Series A ",
    "Series  A",
    "",
    " ",
    "NULL",
    "\ud800 lone",
    "\x00\x7f",
    "growth 🚀",
)
MEGABYTE = "x\n|`<b>" * 180_000
# Every kind of danger, several in one text that is short enough to be shown whole.
_TOGETHER = (
    '"><b class="x"><script>alert(1)</script>{{ 7 * 7 }}<img src=x onerror=alert(1)>',
    "- [x] a | b | c\n|---|---|---|\n| d | e | f |\\| x | `code` ``more``",
    "\x1b[2J\x1b]0;t\x07\x9b31m\u202etxet\u2066\u200b\ufeff\u3164\u2028\u2029\x85\x0b\x0c\r\x08\x00\x7f\ud800",
    "![x](javascript:alert(1)) http://evil.example <http://evil.example> me@evil.example",
    "*bold* _it_ ~~gone~~ # head :smile: @who #1 $x$ &lt; &#60; [^1]\n\n[^1]: note",
    "",
)
# What a report is filled with. Rendering one takes 0.1 s of CPU: `make soak` does it for each text alone too.
HOSTILE_IN_REPORTS = [*_TOGETHER, MEGABYTE, *(pytest.param(text, marks=pytest.mark.soak) for text in HOSTILE)]

PASSING = {
    Rule.BATCH_TRACKING: "All batches completed successfully (15 total)",
    Rule.CANONICAL_STAGES: "All stage values are canonical",
    Rule.NULL_INTEGRITY: "No unexpected NULL values found",
    Rule.ROW_COUNTS: "Row counts verified",
    Rule.AUDIT_CONSISTENCY: "Audit log matches actual data",
    Rule.SAMPLE_INSPECTION: "Retrieved 100 random samples for manual review",
    Rule.FUND_BREAKDOWN: "Generated breakdown for 5 fund(s)",
}
SEVERITIES = {
    Rule.BATCH_TRACKING: Severity.ERROR,
    Rule.CANONICAL_STAGES: Severity.ERROR,
    Rule.NULL_INTEGRITY: Severity.WARN,
    Rule.ROW_COUNTS: Severity.WARN,
    Rule.AUDIT_CONSISTENCY: Severity.WARN,
    Rule.SAMPLE_INSPECTION: Severity.ERROR,
    Rule.FUND_BREAKDOWN: Severity.ERROR,
}


PLAN = PlanFacts(
    plan_id=7,
    status="completed",
    created_at=NOON,
    created_by="operator",
    vocabulary_version="0123456789abcdef",
    is_baseline=True,
    code_version="0.1.0",
    opened_at=NOON,
    completed_at=NOON,
    rows_to_change=7_400,
)

OTHER_SESSIONS = OtherSessions(
    percent=5,
    rows=20,
    audited_rows=7_400,
    audited_rows_changed=37,
    audited_rows_allowed=370,
    rows_before=10_002,
    rows_changed=411,
    rows_allowed=500,
)
AGAINST = Against(
    report_sha256="ab" * 32,
    verification_id=77,
    signed_off_by="Ada",
    plans_compared=3,
    differences=2,
    outcome=AgainstOutcome.DIFFERS,
)


def passed_check(rule: Rule) -> CheckResult:
    return CheckResult(
        rule=rule,
        passed=True,
        severity=SEVERITIES[rule],
        summary=PASSING[rule],
        compared="the batches of the plans in scope with their recorded results",
        figures={"rows_compared": 31_457, "rows_differing": 0},
        duration_ms=12,
    )


def failed_check(rule: Rule, text: str = "Seed Round") -> CheckResult:
    """A check that did not pass, with `text` wherever a text from the data may stand."""
    findings = (
        Finding(what="unknown spelling", target=COMPANIES, stage_now=text, rows=4_711),
        Finding(
            what="changed since",
            target=text,
            has_fund=True,
            fund_id=text,
            row_id=text,
            batch_id=12_345,
            stage_before=text,
            stage_after="seed",
            stage_now=text,
            detail=f"the database said: {text}",
        ),
        Finding(what="gone", target=DEALS, has_fund=True, fund_id=None, row_id="77"),
    )
    return replace(
        passed_check(rule),
        passed=False,
        summary=f"1,283 rows hold 3 unknown spellings, first of all {text}",
        figures={"rows_not_canonical": 1_283, "spellings": 3},
        findings=findings,
        findings_total=1_285,
        recommendation=f"Run `stagenorm decisions`, decide on {text}, then `stagenorm run`.",
    )


def passing_result() -> VerificationResult:
    """Seven checks that passed, over two targets and three funds, in the runbook's figures."""
    before, after = (
        RowCounts(
            rows_seen=5_001,
            rows_canonical=1_200,
            rows_null=11,
            rows_unknown=90,
            rows_left_as_is=0,
            rows_to_change=3_700,
        ),
        RowCounts(
            rows_seen=5_003, rows_canonical=4_902, rows_null=11, rows_unknown=90, rows_left_as_is=0, rows_to_change=0
        ),
    )
    stages = [*(str(stage) for stage in CANONICAL_STAGES), "other", "NULL"]
    numbers = count(1_001, 97)
    return VerificationResult(
        created_at=NOON,
        created_by="reviewer",
        database="app",
        targets=(COMPANIES, DEALS),
        scope=FundScope(),
        strict=False,
        sample_size=100,
        sample_seed=20_260_119,
        vocabulary_version="0123456789abcdef",
        code_version="0.1.0",
        plans=(PLAN,),
        in_progress=False,
        checks=tuple(passed_check(rule) for rule in Rule),
        counts=after + after,
        stages=tuple(
            StageRows(target=target, stage=stage, before=next(numbers), after=next(numbers))
            for target in (COMPANIES, DEALS)
            for stage in stages
        ),
        funds=(
            FundBreakdown(target=COMPANIES, fund_id="1", before=before, after=after),
            FundBreakdown(target=COMPANIES, fund_id=None, before=None, after=RowCounts(rows_seen=3, rows_canonical=3)),
            FundBreakdown(target=DEALS, fund_id="12", before=before, after=None),
        ),
        unknown=(
            SpellingTotal(
                target=COMPANIES, spelling="Seed Round", kind=MeaningKind.UNKNOWN, stage=None, rows=180, funds=2
            ),
        ),
        unknown_spellings=1,
        sample=(
            SampleRow(
                target=COMPANIES,
                fund_id="1",
                row_id="4711",
                audit_id=90_210,
                stage_before="Seed ",
                stage_after="seed",
                exists=True,
                stage_now="seed",
                run_at=NOON,
            ),
        ),
        duration_ms=4_321,
        work=(
            AuditedWork(plan_id=7, action="normalize", run_by="operator@host", rows=7_400, first_at=NOON, last_at=NOON),
        ),
        work_total=1,
        coverage=(
            Coverage(target=COMPANIES, plans=(7,), all_funds=True),
            Coverage(target=DEALS, plans=(7,), all_funds=True),
        ),
        reads=(
            SharedRead(
                name="the inventory", target=COMPANIES, rules=(Rule.CANONICAL_STAGES, Rule.ROW_COUNTS), duration_ms=812
            ),
        ),
        other_sessions=OTHER_SESSIONS,
        last_log_id=97_531,
        decisions_file=DecisionsInForce(path="/srv/stage_decisions.yaml", exists=True, decided=73, undecided=18),
    )


def failing_result(text: str = "Seed Round") -> VerificationResult:
    """Rules 2 and 5 did not pass; `text` stands wherever a text from the data may."""
    result = passing_result()
    bad = {Rule.CANONICAL_STAGES, Rule.AUDIT_CONSISTENCY}
    return replace(
        result,
        created_by=text,
        database=text,
        targets=(COMPANIES, text),
        scope=FundScope.one(text),
        in_progress=True,
        checks=tuple(failed_check(c.rule, text) if c.rule in bad else c for c in result.checks),
        plans=(replace(PLAN, created_by=text, vocabulary_version=text),),
        rolled_back=(replace(PLAN, plan_id=6, status="rolled_back", code_version=text, is_baseline=False),),
        left_as_is=(
            LeftAsIs(target=text, spelling=text, rows=87, funds=4, reason=text),
            LeftAsIs(target=COMPANIES, spelling="Debt", rows=12, funds=2, reason="no round of equity"),
        ),
        left_as_is_spellings=5,
        work=(
            AuditedWork(plan_id=7, action="normalize", run_by=text, rows=7_400, first_at=NOON, last_at=NOON),
            AuditedWork(plan_id=8, action="rollback", run_by=text, rows=31, first_at=NOON, last_at=NOON),
        ),
        work_total=2,
        rollbacks=(replace(PLAN, plan_id=8, created_by=text, is_baseline=False),),
        undone=UndoneRows(restored=29, left=2),
        coverage=(
            Coverage(target=text, plans=(7,), all_funds=False, funds=(text, None)),
            Coverage(target=DEALS, plans=(), all_funds=False),
        ),
        against=replace(AGAINST, signed_off_by=text),
        decisions_file=DecisionsInForce(path=text, exists=True),
        reads=(SharedRead(name="the inventory", target=text, rules=(Rule.CANONICAL_STAGES,), duration_ms=812),),
        stages=(*result.stages, StageRows(target=text, stage="seed", before=None, after=19)),
        funds=(
            *result.funds,
            FundBreakdown(target=text, fund_id=text, before=None, after=RowCounts(rows_seen=17, rows_canonical=17)),
        ),
        unknown=(
            SpellingTotal(target=text, spelling=text, kind=MeaningKind.UNKNOWN, stage=None, rows=1_234, funds=3),
            SpellingTotal(
                target=COMPANIES, spelling="Series D", kind=MeaningKind.UNKNOWN, stage=None, rows=62, funds=1
            ),
        ),
        unknown_spellings=2_468,
        sample=(
            SampleRow(
                target=text,
                fund_id=text,
                row_id=text,
                audit_id=90_211,
                stage_before=text,
                stage_after="seed",
                exists=True,
                stage_now=text,
                run_at=NOON,
            ),
            SampleRow(
                target=DEALS,
                fund_id=None,
                row_id="5",
                audit_id=90_212,
                stage_before="Seed",
                stage_after="seed",
                exists=True,
                stage_now=None,
                run_at=NOON,
            ),
            SampleRow(
                target=DEALS,
                fund_id="9",
                row_id="6",
                audit_id=90_213,
                stage_before="Seed",
                stage_after="seed",
                exists=False,
                stage_now=None,
                run_at=NOON,
            ),
        ),
    )


def huge_result(text: str, times: int) -> VerificationResult:
    """A failing result with every part `times` as long, all seven checks failing, and full of `text`."""
    result = failing_result(text)
    failed = failed_check(Rule.BATCH_TRACKING, text)
    return replace(
        result,
        targets=result.targets * times,
        plans=result.plans * times,
        checks=tuple(replace(failed, rule=rule, findings=failed.findings * times) for rule in Rule),
        stages=result.stages * times,
        funds=result.funds * times,
        unknown=result.unknown * times,
        sample=result.sample * times,
        left_as_is=result.left_as_is * times,
        rolled_back=result.rolled_back * times,
        rollbacks=result.rollbacks * times,
        coverage=result.coverage * times,
        reads=result.reads * times,
        work=result.work * times,
        work_total=len(result.work) * times,
    )


def inventories(text: str = "Seed Round") -> tuple[TargetInventory, ...]:
    counts = RowCounts(
        rows_seen=10_011, rows_canonical=2_000, rows_null=11, rows_unknown=500, rows_left_as_is=0, rows_to_change=7_500
    )
    companies = Target(
        schema="public",
        table="portfoliocompanies",
        column="stage",
        key_column="id",
        key_kind=KeyKind.INTEGER,
        fund_column="fund_id",
    )
    return (
        TargetInventory(
            target=companies,
            counts=counts + counts,
            funds=(
                FundRows(target=COMPANIES, fund_id=text, counts=counts),
                FundRows(target=COMPANIES, fund_id=None, counts=counts),
            ),
            spellings=(
                SpellingTotal(
                    target=COMPANIES,
                    spelling="seed",
                    kind=MeaningKind.CANONICAL,
                    stage=Stage("seed"),
                    rows=4_000,
                    funds=2,
                ),
                SpellingTotal(
                    target=COMPANIES,
                    spelling="Series A ",
                    kind=MeaningKind.MESSY,
                    stage=Stage("series-a"),
                    rows=9_000,
                    funds=2,
                ),
                SpellingTotal(
                    target=COMPANIES,
                    spelling="Series A",
                    kind=MeaningKind.MESSY,
                    stage=Stage("series-a"),
                    rows=6_000,
                    funds=1,
                ),
                SpellingTotal(
                    target=COMPANIES, spelling=text, kind=MeaningKind.UNKNOWN, stage=None, rows=1_000, funds=2
                ),
            ),
            unknown_spellings=1,
        ),
    )


def plan(text: str = "Seed Round", plan_id: int | None = None) -> Plan:
    return Plan(
        plan_id=plan_id,
        status="open" if plan_id else "preview",
        scope=FundScope(),
        batch_size=5_000,
        vocabulary_version="0123456789abcdef",
        inventories=inventories(text),
    )
