"""The ways to change the same rows: the limit, this engine, and what you would otherwise write.

Each contestant changes every messy row, logs each change in `stage_normalization_log`, and commits as its name says.
None is made slow on purpose.
"""

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from benchmarks.data import FUNDS, MAPPING, TABLE
from benchmarks.slow_link import slow_link
from stagenorm_pipeline.config.configuration import TargetSetting
from stagenorm_pipeline.engine.apply.runner import ApplyRequest, apply_batches
from stagenorm_pipeline.engine.plan.plan import record_plan
from stagenorm_pipeline.engine.plan.request import PlanRequest
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.vocabulary import Vocabulary

TARGET = TargetSetting(table=TABLE, column="stage", schema="public", key="id", fund_column="fund_id")

Prepare = Callable[[str], Any]
Work = Callable[[str, Any], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """One way. `prepare` (the plan) is not timed; `work` is timed on the same data.

    `most_rows`: the largest table that it runs on, because the slowest would take hours.
    """

    name: str
    work: Work
    prepare: Prepare = lambda url: None
    most_rows: int | None = None


_LOG = (
    "INSERT INTO stage_normalization_log (schema_name, table_name, column_name, row_id, fund_id, stage_before, stage_after, "
    "action, plan_id, batch_id, run_by) "
)
_LOG_CHANGED = (
    _LOG + "SELECT 'public', 'portfoliocompanies', 'stage', row_id, fund_id, before, after, 'normalize', 1, 1, 'bench' "
    "FROM changed"
)
_LOG_VALUES = (
    _LOG
    + "VALUES ('public', 'portfoliocompanies', 'stage', %(row_id)s, %(fund_id)s, %(before)s, %(after)s, 'normalize', 1, 1, "
    "'bench')"
)


def _change(where: str) -> str:
    return (
        "WITH m AS (SELECT * FROM unnest(%(before)s::text[], %(after)s::text[]) AS m (before, after)), "
        "changed AS (UPDATE portfoliocompanies t SET stage = m.after FROM m WHERE t.stage = m.before" + where + " "
        "RETURNING t.id::text AS row_id, t.fund_id::text AS fund_id, m.before, m.after) " + _LOG_CHANGED
    )


_SPELLINGS = {"before": list(MAPPING), "after": list(MAPPING.values())}


def _one_statement(url: str, _: Any) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("SET jit = off")
        connection.execute(_change(""), _SPELLINGS)


def _id_ranges(url: str, _: Any) -> None:
    """Run batches by id range over all funds. Of each 8,333 ids, about 5,000 are to change."""
    step = 8_333
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET jit = off")
        (last,) = connection.execute("SELECT max(id) FROM portfoliocompanies").fetchone() or (0,)
        for first in range(1, last + 1, step):
            values = {**_SPELLINGS, "first": first, "last": first + step - 1}
            connection.execute(_change(" AND t.id BETWEEN %(first)s AND %(last)s"), values)


def _fund_at_a_time(url: str, _: Any) -> None:
    """Run one statement per fund, without an index on fund_id, so each scans the whole table."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET jit = off")
        for fund in range(1, FUNDS + 1):
            connection.execute(_change(" AND t.fund_id = %(fund)s"), {**_SPELLINGS, "fund": fund})


def _messy_rows(connection: psycopg.Connection) -> list[tuple[int, int, str]]:
    query = "SELECT id, fund_id, stage FROM portfoliocompanies WHERE stage = ANY (%s) ORDER BY fund_id, id"
    return connection.execute(query, [list(MAPPING)]).fetchall()


def _chunks(rows: list[Any], size: int = 5_000) -> list[list[Any]]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def _values(row: tuple[int, int, str]) -> dict[str, Any]:
    return {"id": row[0], "row_id": str(row[0]), "fund_id": str(row[1]), "before": row[2], "after": MAPPING[row[2]]}


def _mapping_in_the_client(url: str, _: Any) -> None:
    """Select the rows, map them in Python, then run two statements per batch over arrays."""
    update = (
        "UPDATE portfoliocompanies t SET stage = m.after FROM unnest(%(ids)s::bigint[], %(before)s::text[], %(after)s::text[]) "
        "AS m (id, before, after) WHERE t.id = m.id AND t.stage = m.before"
    )
    log = (
        _LOG
        + "SELECT 'public', 'portfoliocompanies', 'stage', m.id::text, m.fund, m.before, m.after, 'normalize', 1, 1, 'bench' "
        "FROM unnest(%(ids)s::bigint[], %(funds)s::text[], %(before)s::text[], %(after)s::text[]) AS m (id, fund, before, after)"
    )
    with psycopg.connect(url) as connection:
        for chunk in _chunks(_messy_rows(connection)):
            values = {
                "ids": [row[0] for row in chunk],
                "funds": [str(row[1]) for row in chunk],
                "before": [row[2] for row in chunk],
                "after": [MAPPING[row[2]] for row in chunk],
            }
            connection.execute(update, values)
            connection.execute(log, values)
            connection.commit()


def _copy_and_join(url: str, _: Any) -> None:
    """COPY each batch to a temporary table, then join it."""
    change = (
        "WITH changed AS (UPDATE portfoliocompanies t SET stage = w.after FROM work w WHERE t.id = w.id AND t.stage = w.before "
        "RETURNING t.id::text AS row_id, t.fund_id::text AS fund_id, w.before, w.after) " + _LOG_CHANGED
    )
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TEMPORARY TABLE work (id bigint, before text, after text)")
        for chunk in _chunks(_messy_rows(connection)):
            lines = io.StringIO()
            csv.writer(lines).writerows((row[0], row[2], MAPPING[row[2]]) for row in chunk)
            connection.execute("TRUNCATE work")
            with connection.cursor().copy("COPY work FROM STDIN (FORMAT csv)") as copy:
                copy.write(lines.getvalue())
            connection.execute("ANALYZE work")
            connection.execute(change)
            connection.commit()


_UPDATE_ONE = "UPDATE portfoliocompanies SET stage = %(after)s WHERE id = %(id)s AND stage = %(before)s"


def _executemany(url: str, _: Any) -> None:
    """Run `executemany`, which psycopg 3 pipelines. A script with pandas does the same."""
    with psycopg.connect(url) as connection:
        for chunk in _chunks(_messy_rows(connection)):
            values = [_values(row) for row in chunk]
            with connection.cursor() as cursor:
                cursor.executemany(_UPDATE_ONE, values)
                cursor.executemany(_LOG_VALUES, values)
            connection.commit()


class _Base(DeclarativeBase):
    pass


class _Company(_Base):
    __tablename__ = TABLE
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True)
    fund_id: Mapped[int]
    stage: Mapped[str]


class _Change(_Base):
    __tablename__ = "stage_normalization_log"
    id: Mapped[int] = mapped_column(sa.BigInteger, sa.Identity(always=True), primary_key=True)
    schema_name: Mapped[str]
    table_name: Mapped[str]
    column_name: Mapped[str]
    row_id: Mapped[str]
    fund_id: Mapped[str]
    stage_before: Mapped[str]
    stage_after: Mapped[str]
    action: Mapped[str]
    plan_id: Mapped[int] = mapped_column(sa.BigInteger)
    batch_id: Mapped[int] = mapped_column(sa.BigInteger)
    run_by: Mapped[str]


def _orm(url: str, _: Any) -> None:
    """Use SQLAlchemy's ORM: load, assign, flush."""
    engine = sa.create_engine(sa.make_url(url).set(drivername="postgresql+psycopg"))
    with Session(engine) as session:
        messy = sa.select(_Company.id).where(_Company.stage.in_(MAPPING)).order_by(_Company.fund_id, _Company.id)
        for chunk in _chunks(list(session.scalars(messy))):
            for company in session.scalars(sa.select(_Company).where(_Company.id.in_(chunk))):
                before, company.stage = company.stage, MAPPING[company.stage]
                session.add(
                    _Change(
                        schema_name="public", table_name=TABLE, column_name="stage", row_id=str(company.id),
                        fund_id=str(company.fund_id), stage_before=before, stage_after=company.stage,
                        action="normalize", plan_id=1, batch_id=1, run_by="bench",
                    )
                )  # fmt: skip
            session.commit()
            session.expunge_all()
    engine.dispose()


def _row_at_a_time(url: str, _: Any) -> None:
    """Run two statements and a commit for each row."""
    with psycopg.connect(url) as connection:
        for row in _messy_rows(connection):
            values = _values(row)
            connection.execute(_UPDATE_ONE, values)
            connection.execute(_LOG_VALUES, values)
            connection.commit()


def _planned(batch_size: int) -> Prepare:
    def prepare(url: str) -> int:
        database = Database.at(url)
        request = PlanRequest(
            vocabulary=Vocabulary.built_in(), targets=(TARGET,), scope=FundScope(), batch_size=batch_size
        )
        plan = record_plan(database, request, created_by="bench")
        database.close()
        return plan.plan_id or 0

    return prepare


def _apply(parallel: int) -> Work:
    def work(url: str, plan_id: Any) -> None:
        database = Database.at(url)
        request = ApplyRequest(
            worker="bench", run_by="bench", plan_id=plan_id, targets=(TARGET,), sleep_ms=0, parallel=parallel
        )
        apply_batches(database, request)
        database.close()

    return work


def stagenorm(batch_size: int, parallel: int = 1) -> Contestant:
    """Return this engine with batches of this size, and with so many sessions."""
    name = f"stagenorm, by fund, {batch_size:,} a batch"
    if parallel > 1:
        name += f", {parallel} sessions"
    return Contestant(name=name, work=_apply(parallel), prepare=_planned(batch_size))


def stagenorm_over(round_trip_s: float, batch_size: int) -> Contestant:
    """Return this engine over a link with this round trip time. The plan is made without it."""

    def work(url: str, plan_id: Any) -> None:
        with slow_link(url, round_trip_s) as slow_url:
            _apply(1)(slow_url, plan_id)

    return replace(stagenorm(batch_size), work=work)


LIMIT = Contestant(name="one statement, whole table (the limit)", work=_one_statement)
CONTESTANTS = (
    LIMIT,
    stagenorm(5_000),
    stagenorm(1_000),
    stagenorm(5_000, parallel=2),
    Contestant(name="by id range, all funds mixed", work=_id_ranges),
    Contestant(name="COPY to a temporary table, join", work=_copy_and_join),
    Contestant(name="mapping in the client, arrays", work=_mapping_in_the_client),
    Contestant(name="one statement a fund, no index", work=_fund_at_a_time, most_rows=1_000_000),
    Contestant(name="executemany", work=_executemany, most_rows=1_000_000),
    Contestant(name="SQLAlchemy ORM", work=_orm, most_rows=100_000),
    Contestant(name="a row at a time", work=_row_at_a_time, most_rows=100_000),
)
