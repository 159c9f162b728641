"""Tables about the history of a verification: plans, baselines, digests, who changed what.

What the rules found is in `verification_tables`.
"""

from stagenorm_pipeline.engine.approval.rehearsals import NotRehearsed
from stagenorm_pipeline.engine.verify.result import Coverage, PlanFacts, VerificationResult
from stagenorm_pipeline.report.number_formats import number
from stagenorm_pipeline.report.rehearsed import rehearsed_cell
from stagenorm_pipeline.report.tables import Cell, Name, Table
from stagenorm_pipeline.report.wording import fund_name

_FUNDS_NAMED = 10


def plans_table(result: VerificationResult) -> Table:
    """List the plans in force, the plans that were rolled back, and the rollbacks, oldest first."""
    headings = (
        "Plan", "Kind", "Status", "Baseline", "Rows to change", "By", "Made at", "Opened at", "Ended at",
        "Vocabulary", "Code",
    )  # fmt: skip
    kinds = (("normalize", (*result.plans, *result.rolled_back)), ("rollback", result.rollbacks))
    plans = sorted(((plan, kind) for kind, found in kinds for plan in found), key=lambda entry: entry[0].plan_id)
    rows = tuple(_plan_row(plan, kind) for plan, kind in plans)
    return Table(title="Plans covered", headings=headings, rows=rows, total=len(rows), unit="plans")


def _plan_row(plan: PlanFacts, kind: str) -> tuple[Cell, ...]:
    return (
        Name(text=str(plan.plan_id)),
        kind,
        plan.status.replace("_", " "),
        "yes" if plan.is_baseline else "no",
        plan.rows_to_change,
        Name(text=plan.created_by),
        plan.created_at,
        plan.opened_at,
        plan.completed_at,
        # A rollback needs no vocabulary: it restores what the audit log has.
        None if kind == "rollback" and not plan.vocabulary_version else Name(text=plan.vocabulary_version),
        Name(text=plan.code_version),
    )


def approvals_table(result: VerificationResult) -> Table:
    """List who recorded and who approved each plan that was approved or rehearsed."""
    plans = sorted((*result.plans, *result.rolled_back), key=lambda plan: plan.plan_id)
    rows = tuple(
        (
            Name(text=str(plan.plan_id)),
            Name(text=plan.author or "not recorded"),
            Name(text=plan.approved_by or "not approved"),
            plan.approved_at,
            None if plan.ticket is None else Name(text=plan.ticket),
            rehearsed_cell(plan.rehearsal or NotRehearsed()),
        )
        for plan in plans
        if plan.approved_by is not None or plan.rehearsal is not None
    )
    headings = ("Plan", "Author", "Approved by", "Approved at", "Ticket", "Rehearsed")
    return Table(title="Approvals and rehearsals", headings=headings, rows=rows, total=len(rows), unit="plans")


def coverage_table(result: VerificationResult) -> Table:
    """List the baseline of each target."""
    rows = tuple(
        (
            _compared_with(covered),
            Name(text=_covered_funds(covered)) if covered.plans or covered.verification_id else None,
            Name(text=covered.target),
        )
        for covered in result.coverage
    )
    return Table(
        title="What is compared with",
        headings=("Baseline of plan", "Funds", "Target"),
        rows=rows,
        total=len(rows),
        unit="targets",
    )


def _compared_with(covered: Coverage) -> Cell:
    if covered.verification_id is not None:
        return Name(text=f"signed verification {covered.verification_id}")
    return Name(text=", ".join(map(str, covered.plans))) if covered.plans else "no plan: no baseline"


def digests_table(result: VerificationResult) -> Table:
    """List the digests of the judged plans, to compare them with the database later."""
    rows = tuple(
        (Name(text=str(one.plan_id)), Name(text=one.plan_sha256 or "none"), ", ".join(one.differs) or "nothing")
        for one in result.plan_digests
    )
    return Table(
        title="Digests of the plans",
        headings=("Plan", "SHA-256", "What differs"),
        rows=rows,
        total=len(rows),
        unit="plans",
    )


def _covered_funds(covered: Coverage) -> str:
    if covered.all_funds:
        return "all that were verified"
    names = [fund_name(fund_id) for fund_id in covered.funds[:_FUNDS_NAMED]]
    rest = len(covered.funds) - len(names)
    return f"{', '.join(names)} and {number(rest)} more" if rest else ", ".join(names)


def work_table(result: VerificationResult) -> Table:
    headings = ("Plan", "What", "By", "Rows", "First at", "Last at")
    rows = tuple(
        (Name(text=str(work.plan_id)), work.action, Name(text=work.run_by), work.rows, work.first_at, work.last_at)
        for work in result.work
    )
    return Table(
        title="Who changed how much, by the audit log",
        headings=headings,
        rows=rows,
        total=result.work_total,
        unit="entries",
    )
