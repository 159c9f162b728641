"""The facts about one target that the rules judge: its rows now, its baseline, its audited rows. Judges nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from stagenorm_pipeline.engine.inventory.inventory import FundRows, InventoryTally, TargetInventory
from stagenorm_pipeline.engine.inventory.spellings import read_spellings
from stagenorm_pipeline.engine.postgres.planner_hints import by_hashing
from stagenorm_pipeline.engine.targets.target import Target
from stagenorm_pipeline.engine.verify.audited_rows import AuditedTarget, RowState
from stagenorm_pipeline.engine.verify.baseline import Baseline
from stagenorm_pipeline.engine.verify.result import Coverage, Finding
from stagenorm_pipeline.engine.verify.snapshot import Snapshot
from stagenorm_pipeline.vocabulary import CANONICAL_STAGES, MeaningKind, Vocabulary


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetFacts:
    """The rows of one target now, its baseline (None: no plan covers it), and its audited rows.

    `stages`: rows now by fund and canonical stage.
    """

    inventory: TargetInventory
    baseline: Baseline | None
    audited: AuditedTarget = field(default_factory=AuditedTarget)
    stages: Mapping[str | None, Mapping[str, int]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.inventory.target.name

    @property
    def coverage(self) -> Coverage:
        return self.baseline.coverage if self.baseline else Coverage(target=self.name, plans=(), all_funds=False)

    @property
    def compared(self) -> tuple[FundRows, ...]:
        """The funds that exist now and that the baseline covers."""
        baseline = self.baseline
        return tuple(fund for fund in self.inventory.funds if baseline and baseline.before(fund.fund_id) is not None)


def read_rows_now(
    snapshot: Snapshot, target: Target, vocabulary: Vocabulary
) -> tuple[TargetInventory, Mapping[str | None, Mapping[str, int]]]:
    """Count what the target holds now, and its rows by fund and canonical stage, in one scan."""
    tally = InventoryTally(target=target)
    stages: dict[str | None, dict[str, int]] = {}
    for found in read_spellings(snapshot.connection, target, snapshot.scope, vocabulary):
        tally.add(found)
        if found.kind == MeaningKind.CANONICAL and found.spelling is not None:
            stages.setdefault(found.fund_id, {})[found.spelling] = found.rows
    return tally.finish(), stages


def read_noncanonical_rows(snapshot: Snapshot, facts: TargetFacts) -> Iterator[Finding]:
    """Read rows whose stage is not canonical, without rows that were rolled back."""
    target = facts.inventory.target
    parts = target.sql_parts()
    values = {
        **target.identity(),
        "canonical": [stage.value for stage in CANONICAL_STAGES],
        "after_rollback": facts.audited.restored.total > 0,
    }
    identifiers = {name: parts[name] for name in ("key", "table", "stage", "fund")}
    condition = snapshot.scope.condition(parts["fund"])
    with by_hashing(snapshot.connection):
        for row in snapshot.stream("verify/noncanonical_rows", values, **identifiers, fund_condition=condition):
            yield Finding(
                what="stage is not canonical",
                target=target.name,
                has_fund=True,
                fund_id=row.fund_id,
                row_id=row.row_id,
                stage_now=row.stage_now,
                has_stage_now=True,
            )


def read_null_rows(snapshot: Snapshot, facts: TargetFacts, funds: list[str | None]) -> Iterator[Finding]:
    """Read NULL rows in the given funds, newest first, without the examples that are listed already."""
    target = facts.inventory.target
    listed = [finding.row_id for finding in facts.audited.of(RowState.NULL).examples]
    values = {
        **target.identity(),
        "funds": [fund for fund in funds if fund is not None],
        "no_fund": None in funds,
        "listed": listed,
    }
    parts = target.sql_parts()
    identifiers = {name: parts[name] for name in ("key", "table", "stage", "fund")}
    for row in snapshot.stream("verify/null_rows", values, **identifiers):
        yield Finding(
            what="NULL, in a fund with more NULLs",
            target=target.name,
            has_fund=True,
            fund_id=row.fund_id,
            row_id=row.row_id,
            has_stage_now=True,
        )
