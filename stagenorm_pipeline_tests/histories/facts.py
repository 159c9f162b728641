"""What the model knows of the database, as plain facts."""

from dataclasses import dataclass, field
from datetime import datetime

from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.vocabulary import Vocabulary

COMPANIES = "portfoliocompanies"
DEALS = "deal_opportunities"
TABLES = (COMPANIES, DEALS)

# A table and the id of a row in it.
Key = tuple[str, int]


class BrokenLaw(AssertionError):  # noqa: N818 - it is a finding, which a test reports as a failed assertion
    """Something that must never happen has happened. `law` names it in the same words each time."""

    def __init__(self, law: str, detail: str = "") -> None:
        super().__init__(f"{law}: {detail}" if detail else law)
        self.law = law


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of a target as it is stored."""

    fund: str | None
    stage: str | None


Rows = dict[Key, Row]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry of the audit log."""

    id: int
    key: Key
    fund: str | None
    before: str | None
    after: str | None
    action: str
    plan: int
    batch: int
    run_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A batch as stage_migration_batches has it."""

    id: int
    plan: int
    number: int
    table: str
    fund: str | None
    status: str
    planned: int
    updated: int | None
    skipped: int | None
    failed: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A plan as stage_migration_plans has it.

    `undone_plan`: what a rollback undoes; None: all plans. `is_limited`: it undoes one batch, or only newer entries.
    """

    id: int
    kind: str
    status: str
    scope: FundScope
    tables: tuple[str, ...]
    undone_plan: int | None = None
    is_limited: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracking:
    """The plans and batches that the database has now."""

    plans: dict[int, Plan]
    batches: dict[int, Batch]


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A row that a batch is to change from `spelling` to `stage`."""

    key: Key
    spelling: str
    stage: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """What a rollback is asked to undo."""

    plan: int | None = None
    batch: int | None = None
    since: datetime | None = None
    scope: FundScope = field(default_factory=FundScope)
    tables: tuple[str, ...] = TABLES
    only_untouched: bool = False

    def covers(self, entry: Entry) -> bool:
        """Whether the rollback is about this change."""
        return (
            entry.action == "normalize"
            and entry.key[0] in self.tables
            and self.plan in (None, entry.plan)
            and self.batch in (None, entry.batch)
            and (self.since is None or entry.run_at >= self.since)
            and covers(self.scope, entry.fund)
        )


def covers(scope: FundScope, fund: str | None) -> bool:
    """Whether the scope is about that fund."""
    return scope.all_funds or scope.fund_id == fund


def meaning(vocabulary: Vocabulary, spelling: str) -> str | None:
    """The stage that a spelling becomes; None if it stays as it is."""
    stage = vocabulary.stage_of(spelling)
    return None if stage is None or stage == spelling else str(stage)
