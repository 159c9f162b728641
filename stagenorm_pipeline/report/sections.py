"""The sections of a verification report below the checks and their order, the same in every format."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from stagenorm_pipeline.engine.verify.result import CheckResult, Rule, VerificationResult
from stagenorm_pipeline.report.charts import Palette, funds_picture, stages_picture
from stagenorm_pipeline.report.history_tables import coverage_table, digests_table, plans_table, work_table
from stagenorm_pipeline.report.html_tags import Html
from stagenorm_pipeline.report.other_session_changes import other_session_changes_table
from stagenorm_pipeline.report.tables import Table
from stagenorm_pipeline.report.verification_tables import (
    findings_table,
    funds_table,
    kept_table,
    sample_table,
    stage_totals,
    stages_table,
    target_stages_table,
    unknown_table,
)
from stagenorm_pipeline.report.wording import OTHER_SESSIONS_NOTE

_BY_OTHER_SESSIONS: Final = (Rule.NULL_INTEGRITY, Rule.ROW_COUNTS, Rule.AUDIT_CONSISTENCY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many rows of each kind of table a format shows. Counts are exact in any case."""

    stages: int
    funds: int
    findings: int
    spellings: int
    sample: int
    plans: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Tables under a title, after `sentences`. `empty`: the sentence that replaces them if no table has rows."""

    title: str
    tables: tuple[Table, ...]
    sentences: tuple[str, ...] = ()
    empty: str = ""
    picture: Html | None = None

    @property
    def filled(self) -> tuple[Table, ...]:
        """The tables that have rows."""
        return tuple(table for table in self.tables if table.rows)


def outline(result: VerificationResult, limits: Limits, palette: Palette | None = None) -> Iterator[Section]:
    """Yield the sections that have content. With `palette` some of them have a chart."""
    sections = (
        *_before_and_after(result, limits, palette),
        *_findings(result, limits),
        *_spellings(result, limits),
        _sample(result, limits),
        _plans(result, limits),
    )
    yield from (section for section in sections if section.filled or section.empty)


def _before_and_after(result: VerificationResult, limits: Limits, palette: Palette | None) -> Iterator[Section]:
    stages = (stages_table(result), *((target_stages_table(result),) if len(result.targets) > 1 else ()))
    yield Section(
        title="Before → after by stage",
        tables=tuple(table.cut(limits.stages) for table in stages),
        picture=stages_picture(stage_totals(result), palette) if palette else None,
    )
    yield Section(
        title="Before → after by fund",
        tables=(funds_table(result, limits.funds),),
        sentences=("One number means that it is the same before and now.",),
        empty="No fund has rows, before or now.",
        picture=funds_picture(result.funds, palette) if palette and result.funds else None,
    )


def _findings(result: VerificationResult, limits: Limits) -> Iterator[Section]:
    def found(checks: Iterator[CheckResult]) -> tuple[Table, ...]:
        return tuple(findings_table(check).cut(limits.findings) for check in checks)

    by_other_sessions = found(check for check in result.checks if check.rule in _BY_OTHER_SESSIONS)
    changes = other_session_changes_table(result)
    is_compared = bool(result.plans or result.rolled_back or result.signed)
    yield Section(
        title=changes.title,
        tables=(changes, *by_other_sessions) if is_compared else by_other_sessions,
        sentences=(OTHER_SESSIONS_NOTE,),
        empty="No plan is in force, so there is no baseline to compare with.",
    )
    yield Section(
        title="Other findings of the checks",
        tables=found(check for check in result.checks if check.rule not in _BY_OTHER_SESSIONS),
    )


def _spellings(result: VerificationResult, limits: Limits) -> Iterator[Section]:
    unknown = unknown_table(result.unknown, result.unknown_spellings, limits.spellings)
    yield Section(
        title=unknown.title,
        tables=(unknown,),
        sentences=("stagenorm never guesses. A suggestion helps the person who decides and is never applied.",),
        empty="None: every spelling is canonical, known or kept by decision.",
    )
    kept = kept_table(result, limits.spellings)
    yield Section(title=kept.title, tables=(kept,), empty="None: no row holds a spelling that a decision keeps.")


def _sample(result: VerificationResult, limits: Limits) -> Section:
    sample = sample_table(result)
    how = "The audit row is the id in `stage_normalization_log`. "
    draw = f"The seed {result.sample_seed} draws the same rows again from the same log."
    return Section(
        title=sample.title,
        tables=(sample.cut(limits.sample),),
        sentences=(how + draw,),
        empty="Nothing was changed, so there is no sample.",
    )


def _plans(result: VerificationResult, limits: Limits) -> Section:
    plans = plans_table(result).cut(limits.plans)
    return Section(
        title="Plans, and who applied them",
        tables=(
            plans,
            coverage_table(result).cut(limits.plans),
            work_table(result).cut(limits.plans),
            digests_table(result).cut(limits.plans),
        ),
        empty="No plan was applied in this scope.",
    )
