"""The read-only snapshot that a verification reads, with its scope and the time that each read took."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from psycopg import sql

from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.targets.target import Target
from stagenorm_pipeline.engine.verify.compared_plans import CoveredPlans
from stagenorm_pipeline.engine.verify.result import FINDINGS_SHOWN, Rule, SharedRead
from stagenorm_pipeline.engine.verify.signed_state import SignedState
from stagenorm_pipeline.engine.verify.starting_point import StartingPoint
from stagenorm_pipeline.vocabulary import Stage

_FETCH = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A connection in one read-only snapshot, and what to read in it. Each shared read adds itself to `reads`.

    `start`: where judging starts. `signed`: the signed state; None if nothing was signed or a plan was asked for.
    `last_log_id`: the newest audit log entry; None if the log is empty. `is_whole_log`: no entry is older than the
    start. `shown`: how many examples a read returns.
    """

    connection: sa.Connection
    scope: FundScope
    canonical: tuple[Stage, ...]
    targets: tuple[Target, ...]
    plans: CoveredPlans
    start: StartingPoint
    taken_at: datetime
    last_log_id: int | None
    is_whole_log: bool
    signed: SignedState | None = None
    shown: int = FINDINGS_SHOWN
    reads: list[SharedRead] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        return [target.name for target in self.targets]

    def rows(self, name: str, values: Mapping[str, Any] | None = None, **parts: sql.Composable) -> list[Any]:
        """Run `sql/<name>.sql` with scope, targets and plans bound, and return its rows."""
        return list(self.connection.exec_driver_sql(statement(name, **parts), self._bound(values)))

    def stream(self, name: str, values: Mapping[str, Any], **parts: sql.Composable) -> Iterator[Any]:
        """Run a statement like `rows`. Beyond a page of examples, fetch rows only as they are read."""
        if self.shown <= FINDINGS_SHOWN:
            yield from self.rows(name, values, **parts)
            return
        options = {"stream_results": True, "yield_per": _FETCH}
        query = statement(name, **parts)
        with self.connection.exec_driver_sql(query, self._bound(values), execution_options=options) as result:
            yield from result

    def _bound(self, values: Mapping[str, Any] | None) -> dict[str, Any]:
        return {
            "all_funds": self.scope.all_funds,
            "fund_id": self.scope.fund_id,
            "canonical": [str(stage) for stage in self.canonical],
            "targets": self.names,
            "plans": self.plans.judged,
            "after_id": self.start.log_id,
            # A hint for the planner. The statements have the condition itself, too.
            "is_whole_log": self.is_whole_log,
            "opened_from": self.start.opened_from,
            "shown": self.shown,
            **(values or {}),
        }

    def target_rows(
        self,
        name: str,
        target: Target,
        parts: tuple[str, ...],
        values: Mapping[str, Any] | None = None,
        **fragments: sql.Composable,
    ) -> list[Any]:
        """Run a statement about one target. `parts`: the names of the identifiers that the statement uses."""
        identifiers = target.sql_parts()
        return self.rows(
            name, {**target.identity(), **(values or {})}, **{part: identifiers[part] for part in parts}, **fragments
        )

    @contextmanager
    def shared(self, name: str, rules: tuple[Rule, ...], target: Target | None = None) -> Iterator[None]:
        """Measure a read that several rules use, and note it."""
        started = time.monotonic()
        yield
        elapsed = round((time.monotonic() - started) * 1000)
        self.reads.append(
            SharedRead(name=name, target=target.name if target else None, rules=rules, duration_ms=elapsed)
        )
