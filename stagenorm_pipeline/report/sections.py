"""What stands in a verification report below the checks, and in which order: the same in every form.

How a section looks is its form's matter; what a table holds is in `verification_tables` and `meanwhile`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from stagenorm_pipeline.engine.verify.result import CheckResult, Rule, VerificationResult
from stagenorm_pipeline.report.charts import Palette, funds_picture, stages_picture
from stagenorm_pipeline.report.history_tables import coverage_table, digests_table, plans_table, reads_table, work_table
from stagenorm_pipeline.report.html_tags import Html
from stagenorm_pipeline.report.other_session_changes import meanwhile_table
from stagenorm_pipeline.report.tables import Table
from stagenorm_pipeline.report.verification_tables import (
    findings_table,
    funds_table,
    left_as_is_table,
    sample_table,
    stage_totals,
    stages_table,
    target_stages_table,
    unknown_table,
)
from stagenorm_pipeline.report.wording import MEANWHILE

_BY_OTHERS: Final = (Rule.NULL_INTEGRITY, Rule.ROW_COUNTS, Rule.AUDIT_CONSISTENCY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many rows of each kind of table a form shows; the counts beside them are exact."""

    stages: int
    funds: int
    findings: int
    spellings: int
    sample: int
    plans: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Tables under a title. `said`: sentences of ours before them. `nothing`: what to say where no table has rows."""

    title: str
    tables: tuple[Table, ...]
    said: tuple[str, ...] = ()
    nothing: str = ""
    picture: Html | None = None

    @property
    def filled(self) -> tuple[Table, ...]:
        """The tables that have rows."""
        return tuple(table for table in self.tables if table.rows)


def outline(result: VerificationResult, limits: Limits, palette: Palette | None = None) -> Iterator[Section]:
    """Every section with something to show or to say. With `palette` those that people would rather look at have a
    picture.
    """
    sections = (
        *_before_and_after(result, limits, palette),
        *_findings(result, limits),
        *_spellings(result, limits),
        _sample(result, limits),
        _plans(result, limits),
        _reads(result, limits),
    )
    yield from (section for section in sections if section.filled or section.nothing)


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
        said=("Where there is one number, it is the same before and now.",),
        nothing="No fund has a row, and none had one before.",
        picture=funds_picture(result.funds, palette) if palette and result.funds else None,
    )


def _findings(result: VerificationResult, limits: Limits) -> Iterator[Section]:
    def found(checks: Iterator[CheckResult]) -> tuple[Table, ...]:
        return tuple(findings_table(check).cut(limits.findings) for check in checks)

    by_others = found(check for check in result.checks if check.rule in _BY_OTHERS)
    meanwhile = meanwhile_table(result)
    yield Section(
        title=meanwhile.title,
        tables=(meanwhile, *by_others) if result.plans or result.rolled_back or result.signed else by_others,
        said=(MEANWHILE,),
        nothing="No plan is in force: there is nothing before to compare with.",
    )
    yield Section(
        title="What else the checks found",
        tables=found(check for check in result.checks if check.rule not in _BY_OTHERS),
    )


def _spellings(result: VerificationResult, limits: Limits) -> Iterator[Section]:
    unknown = unknown_table(result.unknown, result.unknown_spellings, limits.spellings)
    yield Section(
        title=unknown.title,
        tables=(unknown,),
        said=("None is ever guessed. A suggestion is for the person who decides, and is never applied.",),
        nothing="None: every spelling is canonical, known or decided.",
    )
    left = left_as_is_table(result, limits.spellings)
    yield Section(
        title=left.title, tables=(left,), nothing="None: no row holds a spelling that a person decided to leave."
    )


def _sample(result: VerificationResult, limits: Limits) -> Section:
    sample = sample_table(result)
    how = "Each row's audit row is the one with that id in `stage_normalization_log`. "
    draw = f"The seed {result.sample_seed} over the same log draws the same rows again."
    return Section(
        title=sample.title,
        tables=(sample.cut(limits.sample),),
        said=(how + draw,),
        nothing="Nothing was changed: no sample.",
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
        nothing="No plan was applied to what was verified.",
    )


def _reads(result: VerificationResult, limits: Limits) -> Section:
    reads = reads_table(result).cut(limits.plans)
    return Section(title=reads.title, tables=(reads,))
