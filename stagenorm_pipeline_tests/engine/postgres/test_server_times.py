"""Times are read as PostgreSQL writes them in each DateStyle, to the microsecond and in the right hour."""

from datetime import datetime

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline.engine.postgres.server_times import parse_time
from stagenorm_pipeline.errors import RefusedError
from stagenorm_pipeline_tests.support.examples import on_database

_STYLES = ["SQL, MDY", "SQL, DMY", "SQL, YMD", "German, DMY", "Postgres, MDY", "Postgres, DMY", "Postgres, YMD"]
_ZONES = ["UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Asia/Kolkata", "Australia/Lord_Howe", "+05"]
_AS_TEXT = b"SELECT set_config('DateStyle', %s, true), set_config('TimeZone', %s, true)"


@on_database(14)
@given(
    microseconds=st.lists(st.integers(946_684_800_000_000, 1_924_991_999_999_999), min_size=50, max_size=50),
    style=st.sampled_from(_STYLES),
    zone=st.sampled_from(_ZONES),
)
def test_times_are_exact_in_every_style_and_zone(
    database_url: str, microseconds: list[int], style: str, zone: str
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(_AS_TEXT, [style, zone])
        rows = connection.execute(
            b"SELECT t::text, extract(epoch FROM t) * 1000000 FROM "
            b"(SELECT 'epoch'::timestamptz + m * interval '1 microsecond' FROM unnest(%s::bigint[]) m) AS v (t)",
            [microseconds],
        ).fetchall()
    for text, expected in rows:
        read = parse_time(text, date_style=style, time_zone=zone)
        assert round(read.timestamp() * 1_000_000) == expected, (text, read)


@pytest.mark.parametrize(("abbreviation", "offset_hours"), [("CEST", 2), ("CET", 1)])
def test_repeated_hour_is_resolved_by_its_abbreviation(abbreviation: str, offset_hours: int) -> None:
    read = parse_time(f"25.10.2026 02:30:00 {abbreviation}", date_style="German, DMY", time_zone="Europe/Berlin")
    offset = read.utcoffset()
    assert offset is not None
    assert offset.total_seconds() == offset_hours * 3600


@pytest.mark.parametrize(
    ("text", "style", "zone"),
    [
        ("25.10.2026 02:30:00 XYZ", "German, DMY", "Europe/Berlin"),
        ("25.10.2026 02:30:00 FOO", "German, DMY", "FOO+03:30"),
        ("infinity", "German, DMY", "UTC"),
        ("Sun 25 Oct 02:30:00 2026 UTC BC", "Postgres, DMY", "UTC"),
    ],
)
def test_ambiguous_time_is_refused(text: str, style: str, zone: str) -> None:
    with pytest.raises(RefusedError, match="A time cannot be read"):
        parse_time(text, date_style=style, time_zone=zone)


def test_iso_times_are_read_by_psycopg(database_url: str) -> None:
    database = Database.at(database_url)
    with database.transaction() as connection:
        assert isinstance(connection.exec_driver_sql("SELECT now()").scalar_one(), datetime)
    database.close()
