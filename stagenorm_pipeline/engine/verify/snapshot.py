"""The one snapshot that a verification reads: its connection, what to look at in it, and how long each read took."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from psycopg import sql

from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.targets.target import Target
from stagenorm_pipeline.engine.verify.covered_plans import CoveredPlans
from stagenorm_pipeline.engine.verify.result import FINDINGS_SHOWN, Rule, SharedRead
from stagenorm_pipeline.engine.verify.signed_state import SignedState
from stagenorm_pipeline.engine.verify.starting_point import Start


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A connection in one read-only snapshot, and what to look at in it. `reads` grows as it is read.

    `start`: where judging starts. `signed`: the signed state, None where nothing was signed or a plan was asked for.
    """

    connection: sa.Connection
    scope: FundScope
    targets: tuple[Target, ...]
    plans: CoveredPlans
    start: Start
    signed: SignedState | None = None
    reads: list[SharedRead] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        return [target.name for target in self.targets]

    def rows(self, name: str, values: Mapping[str, Any] | None = None, **parts: sql.Composable) -> list[Any]:
        """The rows of `sql/<name>.sql`, with scope, targets and plans bound."""
        bound = {
            "all_funds": self.scope.all_funds,
            "fund_id": self.scope.fund_id,
            "targets": self.names,
            "plans": self.plans.judged,
            "after_id": self.start.log_id,
            "opened_from": self.start.opened_from,
            "shown": FINDINGS_SHOWN,
            **(values or {}),
        }
        return list(self.connection.exec_driver_sql(statement(name, **parts), bound))

    def target_rows(
        self,
        name: str,
        target: Target,
        parts: tuple[str, ...],
        values: Mapping[str, Any] | None = None,
        **fragments: sql.Composable,
    ) -> list[Any]:
        """The same about one target: `parts` are the names of its identifiers that the statement holds."""
        identifiers = target.sql_parts()
        return self.rows(
            name, {**target.identity(), **(values or {})}, **{part: identifiers[part] for part in parts}, **fragments
        )

    @contextmanager
    def shared(self, name: str, rules: tuple[Rule, ...], target: Target | None = None) -> Iterator[None]:
        """Notes how long something took that is read for several rules."""
        started = time.monotonic()
        yield
        elapsed = round((time.monotonic() - started) * 1000)
        self.reads.append(
            SharedRead(name=name, target=target.name if target else None, rules=rules, duration_ms=elapsed)
        )
