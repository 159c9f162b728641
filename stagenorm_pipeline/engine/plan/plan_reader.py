"""Read the spellings of a target, and the keys of the rows that hold them, in one scan.

Reads only. Lines are streamed, so memory does not grow with the rows or the spellings.
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

# 50,000 keys per fetch take about 4 MB here. A million spellings take 20,000 fetches of 0.1 ms.
_CHUNK = 1_000
_LINES_FETCHED = 50

# With the default of 4 MB, PostgreSQL sorted 200 funds with 47 spellings on disk instead of hashing: twice the time.
_WORK_MEM = "64MB"


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberedSpelling:
    """The rows of one fund with spelling `number` (from 1)."""

    number: int
    found: SpellingRows


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Keys of rows of one fund that are not canonical, in order, each with the number of its spelling."""

    fund_id: str | None
    row_keys: list[Any]
    numbers: list[int]


def read_plan_rows(
    connection: sa.Connection, target: Target, request: PlanRequest
) -> Iterator[NumberedSpelling | Keys]:
    """Yield every spelling of the target by fund, then the keys of the rows that are not canonical, by fund."""
    parts = target.sql_parts()
    query = statement(
        "plan/read_rows",
        **{name: parts[name] for name in ("table", "stage", "key", "fund_group")},
        member_type=sql.SQL("bigint" if target.key_kind is KeyKind.INTEGER else "text"),
        chunk=sql.Literal(_CHUNK),
        fund_condition=request.scope.condition(parts["fund"]),
    )
    connection.exec_driver_sql(f"SET LOCAL work_mem = '{_WORK_MEM}'")
    # Each stage twice: PostgreSQL (since 15) hashes a list of nine or more values, and compares with a shorter list one
    # value at a time. At 10 million rows that was a seventh of the scan.
    values = {"fund_id": request.scope.fund_id, "canonical": list(map(str, request.vocabulary.canonical)) * 2}
    options = {"stream_results": True, "yield_per": _LINES_FETCHED}
    meanings = Meanings(vocabulary=request.vocabulary)
    latest = 0
    with connection.exec_driver_sql(query, values, execution_options=options) as result:
        for number, spelling, is_cut, sha256, fund_ids, counted, row_keys, numbers in result:
            if number is None:
                yield Keys(fund_id=fund_ids[0], row_keys=row_keys, numbers=numbers)
                continue
            # The parts of a UNION ALL come in order, but no standard guarantees it.
            if number not in (latest, latest + 1):
                raise PlanError(
                    f"Spelling {number:,} of {target.name} arrived after spelling {latest:,}.",
                    remedy="Nothing was recorded. Please report this with the version of your PostgreSQL.",
                )
            latest = number
            for fund_id, rows in zip(fund_ids, counted, strict=True):
                found = meanings.read(fund_id, spelling, sha256, rows, is_cut=is_cut)
                yield NumberedSpelling(number=number, found=found)
