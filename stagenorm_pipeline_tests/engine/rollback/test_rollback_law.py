"""The law of undoing, over histories of users, plans and rollbacks that nobody would think of.

A row that still holds what we wrote, and whose latest change lies in the scope, goes back to where it stood before the
first of its changes in the scope since the last write of another session. No other row is touched: not its stage, not
its other columns, not its version.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stagenorm_pipeline.engine.rollback.rollback import RollbackRequest, preview_rollback, record_rollback
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline_tests.support.application import COMPANIES, DEALS, EVERYTHING, Application
from stagenorm_pipeline_tests.support.examples import on_database

_FUNDS = (1, 2, None)
_NAMES = {COMPANIES: "name", DEALS: "title"}
_STAGES = ["Seed", " seed", "Series A", "seriesа", "series−b", "seed", "series-c+", "Seed Round", "\u202eseed"]

_SCOPES = st.sampled_from([EVERYTHING, FundScope.one("1"), FundScope.one(None)])
_ROW = st.tuples(st.sampled_from([COMPANIES, DEALS]), st.integers(1, 9))
_ACTIONS = st.one_of(
    st.tuples(st.just("write"), _ROW, st.sampled_from(_STAGES)),
    st.tuples(st.just("write"), _ROW, st.sampled_from(_STAGES)),
    st.tuples(st.just("clear"), st.tuples(st.just(DEALS), st.integers(1, 9))),
    st.tuples(st.just("delete"), _ROW),
    st.tuples(st.just("reuse"), _ROW, st.sampled_from(_STAGES)),
    st.tuples(st.just("rename"), _ROW),
    st.tuples(st.just("move"), _ROW, st.sampled_from(_FUNDS)),
    st.tuples(st.just("run"), _SCOPES, st.integers(1, 4)),
    st.tuples(st.just("run"), _SCOPES, st.integers(1, 4)),
    st.tuples(
        st.just("roll back"),
        st.sampled_from(
            ["plan", "batch", "since", "fund", "table", "all of it", "untouched", "spelling", "stage", "row"]
        ),
        _SCOPES,
    ),
)
_FIRST_ROWS = st.lists(st.tuples(st.sampled_from(_FUNDS), st.sampled_from(_STAGES)), min_size=3, max_size=9)
_HISTORY = st.lists(_ACTIONS, min_size=2, max_size=7)

_Key = tuple[str, int]


@dataclass(frozen=True, kw_only=True)
class _Change:
    """A change of ours, as an observer of the tables saw it."""

    step: int
    plan: int
    batch: int
    fund: str | None
    before: str
    after: str
    is_rollback: bool


@dataclass(kw_only=True)
class _Observer:
    """Watches the tables from outside and knows what a rollback must do."""

    application: Application
    changes: dict[_Key, list[_Change]] = field(default_factory=dict)
    began: list[datetime] = field(default_factory=list)
    # Rows that users wrote, or wrote anew, since our last change of them.
    touched: set[_Key] = field(default_factory=set)

    def rows(self) -> dict[_Key, tuple[str | None, str]]:
        """Stage, and version with all other columns, of each row."""
        return {
            (table, key): (stage, rest)
            for table in (COMPANIES, DEALS)
            for key, stage, rest in self.application.sql(
                f"SELECT id, stage, (xmin, ctid, to_jsonb(t) - 'stage')::text FROM {table} t"
            )
        }

    def begin(self) -> None:
        self.began.append(self.application.value("SELECT clock_timestamp()"))

    def note(self, plan: int, before: dict[_Key, tuple[str | None, str]], *, is_rollback: bool) -> None:
        """What the plan's batches did to the tables."""
        batches = {
            (table, key): (batch, fund)
            for table, key, batch, fund in self.application.sql(
                "SELECT b.table_name, key, b.batch_id, b.fund_id FROM stage_migration_batches b "
                "JOIN stage_migration_batch_members m USING (batch_id), unnest(m.row_numbers) key WHERE plan_id = %s",
                plan,
            )
        }
        for key, (stage, _) in self.rows().items():
            was = before[key][0]
            if stage != was:
                assert stage is not None
                assert was is not None
                batch, fund = batches[key]
                change = _Change(
                    step=len(self.began),
                    plan=plan,
                    batch=batch,
                    fund=fund,
                    before=was,
                    after=stage,
                    is_rollback=is_rollback,
                )
                self.changes.setdefault(key, []).append(change)
                self.touched.discard(key)

    def request(self, way: str, scope: FundScope) -> RollbackRequest | None:
        """A rollback of the newest plan, its first batch, its first spelling or row, since a time, a fund, or all."""
        ours = {change: key for key, changes in self.changes.items() for change in changes if not change.is_rollback}
        if not ours:
            return None
        newest = max(ours, key=lambda change: (change.plan, -change.batch))
        table, row = ours[newest]
        targets = self.application.request().targets
        its_target = tuple(target for target in targets if target.table == table)
        return {
            "plan": RollbackRequest(plan_id=newest.plan, batch_size=2),
            "batch": RollbackRequest(batch_id=newest.batch),
            "since": RollbackRequest(since=self.began[len(self.began) // 2], scope=scope),
            "fund": RollbackRequest(scope=FundScope.one("1"), batch_size=3),
            "table": RollbackRequest(targets=targets[:1], by_table=True),
            "all of it": RollbackRequest(by_table=True, batch_size=1),
            "untouched": RollbackRequest(by_table=True, only_untouched=True),
            "spelling": RollbackRequest(spelling=newest.before, scope=scope),
            "stage": RollbackRequest(spelling=newest.before, stage=newest.after, only_untouched=True),
            "row": RollbackRequest(row_id=str(row), targets=its_target),
        }[way]

    def expected(self, request: RollbackRequest) -> dict[_Key, str]:
        """The rows that the rollback must restore, each with what it gets back."""
        tables = {target.table for target in request.targets}
        rows = self.rows()
        found: dict[_Key, str] = {}
        for key, changes in self.changes.items():
            is_named = request.row_id in (None, str(key[1]))
            in_scope = [change for change in changes if is_named and self._is_in(request, change)]
            is_latest = bool(in_scope) and changes[-1] is in_scope[-1]
            is_left = key not in rows or (request.only_untouched and key in self.touched)
            if is_latest and not is_left and key[0] in tables and rows[key][0] == in_scope[-1].after:
                since_other_write = _since_last_break(changes)
                found[key] = next(change.before for change in in_scope if change in since_other_write)
        return found

    def _is_in(self, request: RollbackRequest, change: _Change) -> bool:
        return (
            not change.is_rollback
            and request.plan_id in (None, change.plan)
            and request.batch_id in (None, change.batch)
            and request.spelling in (None, change.before)
            and request.stage in (None, change.after)
            and (request.since is None or self.began[change.step - 1] >= request.since)
            and (request.scope.all_funds or request.scope.fund_id == change.fund)
        )


def _since_last_break(changes: list[_Change]) -> list[_Change]:
    """The changes at the end of which each found what the one before it had left."""
    start = len(changes) - 1
    while start > 0 and changes[start].before == changes[start - 1].after:
        start -= 1
    return changes[start:]


def _roll_back(observer: _Observer, request: RollbackRequest) -> None:
    application = observer.application
    before, expected = observer.rows(), observer.expected(request)
    preview = preview_rollback(application.database, request)
    assert (preview.restorable, preview.touched) == (len(expected), len(observer.touched & expected.keys()))

    plan = record_rollback(application.database, request, created_by="operator")
    result = application.apply(plan_id=plan)

    after = observer.rows()
    assert {key: stage for key, (stage, _) in after.items() if key in expected} == expected
    assert {key: row for key, row in after.items() if key not in expected} == {
        key: row for key, row in before.items() if key not in expected
    }
    assert result.rows.rows_updated == len(expected)
    observer.note(plan, before, is_rollback=True)


def _act(observer: _Observer, action: tuple[Any, ...]) -> None:
    application = observer.application
    match action:
        case ("write" | "clear" | "move" | "reuse" | "rename", key, *_):
            _act_as_user(application, action)
            observer.touched.add(key)
        case ("delete", (table, key)):
            application.sql(f"DELETE FROM {table} WHERE id = %s", key)
        case ("run", scope, batch_size):
            before = observer.rows()
            plan = application.run(scope=scope, batch_size=batch_size)
            assert plan.plan_id is not None
            observer.note(plan.plan_id, before, is_rollback=False)
        case ("roll back", way, scope):
            request = observer.request(way, scope)
            if request is not None:
                _roll_back(observer, request)


def _act_as_user(application: Application, action: tuple[Any, ...]) -> None:
    match action:
        case ("write", (table, key), stage):
            application.sql(f"UPDATE {table} SET stage = %s WHERE id = %s", stage, key)
        case ("clear", (table, key)):
            application.sql(f"UPDATE {table} SET stage = NULL WHERE id = %s", key)
        case ("move", (table, key), fund):
            application.sql(f"UPDATE {table} SET fund_id = %s WHERE id = %s", fund, key)
        case ("rename", (table, key)):
            application.sql(f"UPDATE {table} SET {_NAMES[table]} = 'renamed' WHERE id = %s", key)
        case ("reuse", (table, key), stage):
            application.sql(f"DELETE FROM {table} WHERE id = %s", key)
            application.sql(f"INSERT INTO {table} (id, fund_id, stage) VALUES (%s, 1, %s)", key, stage)


def _holds(application: Application, rows: list[tuple[int | None, str]], history: list[tuple[Any, ...]]) -> None:
    application.sql("DELETE FROM stage_migration_plans")
    application.sql("TRUNCATE stage_normalization_log, stage_migration_receipts, stage_migration_plan_digests")
    application.sql("TRUNCATE portfoliocompanies, deal_opportunities RESTART IDENTITY")
    application.add(COMPANIES, rows)
    application.add(DEALS, reversed(rows))
    observer = _Observer(application=application)
    for action in history:
        observer.begin()
        _act(observer, action)
    # Whatever happened: what nobody touched since goes back to the byte that was there when another session last wrote.
    observer.begin()
    _roll_back(observer, RollbackRequest(by_table=True))


@on_database(6)
@given(rows=_FIRST_ROWS, history=_HISTORY, looked_up=st.sampled_from([0, 50_000]))
def test_rollback_restores_only_rows_in_force(
    application: Application, rows: list[tuple[int | None, str]], history: list[tuple[Any, ...]], looked_up: int
) -> None:
    # Few rows are looked up, many are hashed: the same rows either way.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stagenorm_pipeline.engine.rollback.rollback._LOOKED_UP", looked_up)
        _holds(application, rows, history)


@pytest.mark.soak
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=_FIRST_ROWS, history=st.lists(_ACTIONS, min_size=4, max_size=20))
def test_rollback_is_exact_over_long_histories(
    application: Application, rows: list[tuple[int | None, str]], history: list[tuple[Any, ...]]
) -> None:
    _holds(application, rows, history)
