"""Decide when changes by other sessions are an error of rules 3 to 5 instead of a warning.

Data alone cannot tell another session's change from damage. So a few changes are a warning, and these are errors:
- every changed row of a target is gone, NULL or on one stage, however few they are;
- more rows changed than `[verify]` in stagenorm.toml allows.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from stagenorm_pipeline.config.verify import VerifySettings
from stagenorm_pipeline.engine.verify.other_session_changes import Loss, OtherSessionChanges, TotalLoss
from stagenorm_pipeline.engine.verify.result import (
    CheckResult,
    Finding,
    OtherSessions,
    Rule,
    Severity,
    some_of_each,
)

_LOST = "every changed row is lost"
_ALL_LOST = "every row is lost"
_UNPLANNED = "fewer rows of canonical stages than the log explains"

# The figures of each rule that count audited rows, and those that count rows by fund.
_AUDITED = {
    Rule.NULL_INTEGRITY: ("audited_rows_now_null",),
    Rule.ROW_COUNTS: ("audited_rows_gone", "audited_rows_moved"),
    Rule.AUDIT_CONSISTENCY: ("rows_changed_since",),
}
_BY_FUND = {
    Rule.NULL_INTEGRITY: ("new_null",),
    Rule.ROW_COUNTS: ("rows_fewer",),
    Rule.AUDIT_CONSISTENCY: ("rows_changed_unplanned",),
}
_LOSSES = {
    Rule.NULL_INTEGRITY: (Loss.NULL, Loss.GONE_OR_NULL),
    Rule.ROW_COUNTS: (Loss.GONE, Loss.GONE_OR_NULL),
    Rule.AUDIT_CONSISTENCY: (Loss.ONE_STAGE,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherSessionLimits:
    """The changes by other sessions in each target, and how many are allowed."""

    settings: VerifySettings
    changes: tuple[OtherSessionChanges, ...]

    @property
    def facts(self) -> OtherSessions:
        """The counts over all targets and the allowed numbers, as the report shows them."""
        audited = sum(found.audited for found in self.changes)
        before = sum(found.before for found in self.changes)
        return OtherSessions(
            percent=self.settings.changes_by_other_sessions_percent,
            rows=self.settings.changes_by_other_sessions_rows,
            audited_rows=audited,
            audited_rows_changed=sum(found.audited_changed for found in self.changes),
            audited_rows_allowed=self.settings.allowed_of(audited),
            rows_before=before,
            rows_changed=sum(found.changed for found in self.changes),
            rows_allowed=self.settings.allowed_of(before),
        )

    def judge(self, check: CheckResult) -> CheckResult:
        """Turn the result of rule 3, 4 or 5 into an error if every row is lost or too many rows changed."""
        if check.rule is Rule.AUDIT_CONSISTENCY:
            check = self._with_unplanned(check)
        lost = [found.loss for found in self.changes if found.loss and found.loss.loss in _LOSSES[check.rule]]
        exceeded = self._exceeded(check)
        if not lost and not exceeded:
            return check
        findings = self.losses(check.rule)
        advice = [_LOSS_ADVICE] if lost else []
        advice += [_EXCEEDED_ADVICE] if exceeded else []
        summary = () if check.passed else (check.summary,)
        return replace(
            check,
            passed=False,
            severity=Severity.ERROR,
            summary="; ".join((*map(_loss_sentence, lost), *exceeded, *summary)),
            findings=some_of_each(findings, check.findings),
            findings_total=check.findings_total + len(findings),
            recommendation=" ".join((*advice, *filter(None, (check.recommendation,)))),
        )

    def losses(self, rule: Rule) -> list[Finding]:
        """List the targets of which a rule finds every row lost."""
        return [_loss_finding(found.loss) for found in self.changes if found.loss and found.loss.loss in _LOSSES[rule]]

    def unplanned(self) -> list[Finding]:
        """List the funds with canonical rows that changed without a log entry."""
        return [
            Finding(
                what=_UNPLANNED,
                target=found.target,
                has_fund=True,
                fund_id=found.fund_id,
                rows=found.rows,
                detail=_fewer(found.stages.items()),
            )
            for changes in self.changes
            for found in changes.unplanned
        ]

    def _with_unplanned(self, check: CheckResult) -> CheckResult:
        """Add the canonical rows that changed without a log entry. Up to the limit they are information."""
        findings = self.unplanned()
        rows = sum(found.rows or 0 for found in findings)
        return replace(
            check,
            figures={**check.figures, "rows_changed_unplanned": rows},
            findings=some_of_each(check.findings, findings),
            findings_total=check.findings_total + len(findings),
        )

    def _exceeded(self, check: CheckResult) -> Sequence[str]:
        facts = self.facts

        def has_any(names: Iterable[str]) -> bool:
            return any(check.figures.get(name) for name in names)

        exceeded = []
        if facts.audited_rows_changed > facts.audited_rows_allowed and has_any(_AUDITED[check.rule]):
            exceeded.append(
                f"other sessions changed {facts.audited_rows_changed:,} of the {facts.audited_rows:,} rows that "
                f"stagenorm had changed, more than the {facts.audited_rows_allowed:,} allowed"
            )
        if facts.rows_changed > facts.rows_allowed and has_any(_BY_FUND[check.rule]):
            exceeded.append(
                f"other sessions changed at least {facts.rows_changed:,} of the {facts.rows_before:,} rows from "
                f"before, more than the {facts.rows_allowed:,} allowed"
            )
        return exceeded


_LOSS_ADVICE = (
    "Find out what happened to these rows, and restore the stages from a backup or from stage_normalization_log. If "
    "people made these changes on purpose, roll back the plan. A rollback leaves such rows as they are, and they no "
    "longer count as changed by stagenorm."
)
_EXCEEDED_ADVICE = (
    "If people made these changes, raise `changes_by_other_sessions_percent` or `changes_by_other_sessions_rows` under "
    "[verify] in stagenorm.toml, then verify again. Otherwise find out what happened before you continue."
)


def _loss_sentence(loss: TotalLoss) -> str:
    rows = "every row" if loss.is_whole else "every row that stagenorm changed"
    return f"{rows} of {loss.target} is {loss.loss.value} ({loss.rows:,} in all)"


def _loss_finding(loss: TotalLoss) -> Finding:
    what = _ALL_LOST if loss.is_whole else _LOST
    return Finding(
        what=what,
        target=loss.target,
        rows=loss.rows,
        stage_now=loss.stage,
        has_stage_now=loss.stage is not None,
        detail=loss.loss.value,
    )


def _fewer(stages: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{stage}: {rows:,} fewer" for stage, rows in stages)
