"""The data for every contestant: one application table with a known share of messy rows."""

import psycopg
from psycopg import sql

FUNDS = 200
TABLE = "portfoliocompanies"

# 41 messy spellings, as a free-text field and two importers write them.
MESSY = {
    "pre-seed": ("Pre-Seed", "PRE-SEED", "preseed", "PreSeed", "pre seed", "Pre Seed", "pre_seed"),
    "seed": ("Seed", "SEED", " seed", "seed ", " Seed", "SEED "),
    "series-a": ("Series A", "series a", "SERIES A", "seriesA", "SeriesA", "Series-A", "series_a", "Series  A"),
    "series-b": ("Series B", "series b", "SERIES B", "seriesB", "SeriesB", "Series-B", "series_b", "Series  B"),
    "series-c": ("Series C", "series c", "SERIES C", "Series-C", "series_c", "Series  C"),
    "series-c+": ("Series C+", "series c+", "SERIES C+", "seriesC+", "SeriesC+", "Series-C+"),
}
MAPPING = {messy: stage for stage, spellings in MESSY.items() for messy in spellings}

_TABLE = """
CREATE TABLE portfoliocompanies (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fund_id integer,
    name text NOT NULL,
    sector text,
    stage text,
    invested_amount numeric(14,2),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
)
"""

# An application writes funds interleaved by id. This is the hard case for work fund by fund, because each row of a fund
# is on a different page. A clustered table was loaded or rewritten fund by fund.
_ROWS = """
INSERT INTO portfoliocompanies (fund_id, name, sector, stage, invested_amount)
SELECT CASE WHEN %(clustered)s THEN (i - 1) * %(funds)s::bigint / %(rows)s ELSE i %% %(funds)s END + 1, 'Company ' || i, 'fintech',
       CASE WHEN hashint8(i::bigint)::bigint & 1048575 < %(messy_share)s * 1048576
            THEN (%(messy)s::text[])[1 + (hashint8extended(i::bigint, 7) & 1073741823) %% %(messy_count)s]
            ELSE (%(canonical)s::text[])[1 + (hashint8extended(i::bigint, 8) & 1073741823) %% 6] END,
       i %% 100000
FROM generate_series(1, %(rows)s) AS i
"""


def fill(
    connection: psycopg.Connection,
    rows: int,
    *,
    messy_share: float = 0.6,
    funds: int = FUNDS,
    clustered: bool = False,
    fillfactor: int = 100,
) -> None:
    """Create the table with `rows` rows, of which about `messy_share` hold one of the 41 messy spellings."""
    connection.execute(_TABLE)
    connection.execute(sql.SQL("ALTER TABLE {} SET (fillfactor = {})").format(sql.Identifier(TABLE), fillfactor))
    connection.execute(
        _ROWS,
        {
            "rows": rows,
            "clustered": clustered,
            "funds": funds,
            "messy_share": messy_share,
            "messy": list(MAPPING),
            "messy_count": len(MAPPING),
            "canonical": list(MESSY),
        },
    )
    connection.execute("VACUUM ANALYZE")
