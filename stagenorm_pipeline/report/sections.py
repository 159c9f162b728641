"""The sections of a verification report below the first screen and their order, the same in every format."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from stagenorm_pipeline.engine.verify.result import CheckResult, Rule, VerificationResult
from stagenorm_pipeline.report.charts import BarChart, funds_chart, stages_chart, unknown_chart
from stagenorm_pipeline.report.finding_groups import finding_groups
from stagenorm_pipeline.report.first_screen import worst_first
from stagenorm_pipeline.report.history_tables import (
    approvals_table,
    coverage_table,
    digests_table,
    plans_table,
    work_table,
)
from stagenorm_pipeline.report.other_session_changes import other_session_changes_table
from stagenorm_pipeline.report.table_limits import Limits
from stagenorm_pipeline.report.tables import Cell, Name, Table
from stagenorm_pipeline.report.target_names import short_names
from stagenorm_pipeline.report.verification_tables import funds_table, kept_table, sample_table, target_stages_table
from stagenorm_pipeline.report.wording import OTHER_SESSIONS_NOTE, rule_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A chart and tables under a title, after `sentences`. `empty`: the sentence for a section without rows.

    `check`: the check whose findings these are. `is_detail`: most readers skip it; the page shows it on a click.
    """

    title: str
    tables: tuple[Table, ...] = ()
    sentences: tuple[str, ...] = ()
    empty: str = ""
    chart: BarChart | None = None
    check: CheckResult | None = None
    is_detail: bool = False

    @property
    def filled(self) -> tuple[Table, ...]:
        """The tables that have rows, with that of the chart: for a format without bars."""
        charts = (self.chart.table,) if self.chart else ()
        return tuple(table for table in (*charts, *self.tables) if table.rows)

    @property
    def plain_tables(self) -> tuple[Table, ...]:
        """The tables that have rows, without that of the chart."""
        return tuple(table for table in self.tables if table.rows)


def outline(result: VerificationResult, limits: Limits) -> Iterator[Section]:
    """Yield the sections that have content: findings of checks that did not pass, then the rows, then the history."""
    sections = (
        *(_findings(result, check, limits) for check in worst_first(result) if not check.passed),
        *_before_and_now(result, limits),
        _other_sessions(result, limits),
        *(_findings(result, check, limits) for check in result.checks if check.passed and check.findings),
        _sample(result, limits),
        _plans(result, limits),
    )
    names = short_names(result.targets)
    for section in sections:
        if section.filled or section.empty or (section.check and limits.findings):
            yield section if section.is_detail else _with_short_targets(section, names)


def _with_short_targets(section: Section, names: Mapping[str, str]) -> Section:
    """Return the section with short names of targets: a table that repeats long ones is too wide."""
    chart = section.chart and replace(section.chart, table=_shortened(section.chart.table, names))
    return replace(section, chart=chart, tables=tuple(_shortened(table, names) for table in section.tables))


def _shortened(table: Table, names: Mapping[str, str]) -> Table:
    if table.headings[-1:] != ("Target",):
        return table
    return replace(table, rows=tuple((*row[:-1], _short(row[-1], names)) for row in table.rows))


def _short(cell: Cell, names: Mapping[str, str]) -> Cell:
    if not isinstance(cell, Name):
        return cell
    return Name(text="; ".join(names.get(name, name) for name in cell.text.split("; ")))


def _findings(result: VerificationResult, check: CheckResult, limits: Limits) -> Section:
    is_about_stages = check.rule is Rule.CANONICAL_STAGES
    kept = (kept_table(result, limits.spellings),) if is_about_stages else ()
    return Section(
        title=rule_name(check.rule),
        tables=(*kept, *(group.cut(limits.findings) for group in finding_groups(check))),
        chart=unknown_chart(result, limits.spellings) if is_about_stages and result.unknown else None,
        check=check,
        is_detail=check.passed,
    )


def _before_and_now(result: VerificationResult, limits: Limits) -> Iterator[Section]:
    by_target = (target_stages_table(result),) if len(result.targets) > 1 else ()
    yield Section(title="Stages", chart=stages_chart(result) if result.stages else None)
    left = funds_chart(result.funds)
    yield Section(title="Funds", chart=left, empty=left.title if result.funds else "No fund has rows, before or now.")
    yield Section(
        title="Before → now by fund and target",
        tables=(funds_table(result, limits.funds), *(table.cut(limits.stages) for table in by_target)),
        sentences=("One number means that it is the same before and now.",),
        is_detail=True,
    )


def _other_sessions(result: VerificationResult, limits: Limits) -> Section:
    changes = other_session_changes_table(result)
    is_compared = bool(result.plans or result.rolled_back or result.signed)
    return Section(
        title=changes.title,
        tables=(changes.cut(limits.findings or len(changes.rows)),) if is_compared else (),
        sentences=(OTHER_SESSIONS_NOTE,),
        empty="None was found." if is_compared else "No plan is in force, so there is no baseline to compare with.",
    )


def _sample(result: VerificationResult, limits: Limits) -> Section:
    sample = sample_table(result)
    how = "The audit row is the id in `stage_normalization_log`. "
    draw = f"The seed {result.sample_seed} draws the same rows again from the same log."
    return Section(
        title=sample.title,
        tables=(sample.cut(limits.sample),),
        sentences=(how + draw,),
        empty="Nothing was changed, so there is no sample.",
        is_detail=True,
    )


def _plans(result: VerificationResult, limits: Limits) -> Section:
    tables = (
        plans_table(result),
        approvals_table(result),
        coverage_table(result),
        work_table(result),
        digests_table(result),
    )
    return Section(
        title="Plans, and who applied them",
        tables=tuple(table.cut(limits.plans) for table in tables),
        empty="No plan was applied in this scope.",
        is_detail=True,
    )
