"""Reading what a plan is made of: the spellings of a target, and the keys of the rows that hold them, in one scan.

Reads only. Memory here grows with neither the rows nor the spellings: lines are handed on as they come.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from psycopg import sql

from stagenorm_pipeline.engine.inventory.spellings import Meanings, SpellingRows
from stagenorm_pipeline.engine.plan.request import PlanRequest
from stagenorm_pipeline.engine.postgres.sql_files import statement
from stagenorm_pipeline.engine.targets.target import KeyKind, Target
from stagenorm_pipeline.errors import PlanError
from stagenorm_pipeline.vocabulary import CANONICAL_STAGES

# 50,000 keys at a time are some 4 MB here; a million spellings are then 20,000 fetches of a tenth of a millisecond.
_KEYS_A_LINE = 1_000
_LINES_FETCHED = 50

# With PostgreSQL's default of 4 MB, 200 funds of 47 spellings were sorted on disk instead of hashed: twice the time.
_WORK_MEM = "64MB"


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberedSpelling:
    """The `line_no`-th line of the inventory, counted from 1."""

    line_no: int
    found: SpellingRows


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Keys of rows that are not canonical, in order, of one fund; with each the line that says what it holds."""

    fund_id: str | None
    row_keys: list[Any]
    line_nos: list[int]


def read_plan_rows(
    connection: sa.Connection, target: Target, request: PlanRequest
) -> Iterator[NumberedSpelling | Keys]:
    """First every spelling of the target by fund, then the keys of the rows to look at, fund by fund. One scan."""
    parts = target.sql_parts()
    query = statement(
        "plan/read_rows",
        **{name: parts[name] for name in ("table", "stage", "key", "fund_group")},
        member_type=sql.SQL("bigint" if target.key_kind is KeyKind.INTEGER else "text"),
        chunk=sql.Literal(_KEYS_A_LINE),
        fund_condition=request.scope.condition(parts["fund"]),
    )
    connection.exec_driver_sql(f"SET LOCAL work_mem = '{_WORK_MEM}'")
    # Each one twice: PostgreSQL (15 on) hashes a list from nine values on, and compares with a shorter one value by
    # value. At 10 million rows that was a seventh of the scan.
    values = {"fund_id": request.scope.fund_id, "canonical": list(CANONICAL_STAGES) * 2}
    options = {"stream_results": True, "yield_per": _LINES_FETCHED}
    meanings = Meanings(vocabulary=request.vocabulary)
    expected = 0
    with connection.exec_driver_sql(query, values, execution_options=options) as result:
        for row in result:
            if row.line_no is None:
                yield Keys(fund_id=row.fund_id, row_keys=row.row_keys, line_nos=row.line_nos)
                continue
            expected += 1
            # The parts of a UNION ALL come one after the other, but no standard says so.
            if row.line_no != expected:
                raise PlanError(
                    f"Line {row.line_no} of the inventory of {target.name} came where {expected} was due.",
                    remedy="Nothing was recorded. Please report this with the version of your PostgreSQL.",
                )
            found = meanings.read(row.fund_id, row.spelling, row.is_cut, row.spelling_sha256, row.rows_counted)
            yield NumberedSpelling(line_no=row.line_no, found=found)
