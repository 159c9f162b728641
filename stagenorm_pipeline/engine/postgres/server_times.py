"""Read timestamps in every `DateStyle` that a role or a database may have as its default.

psycopg reads only `ISO`. stagenorm does not set `DateStyle`, because users' triggers would see it. In the other styles
PostgreSQL writes the abbreviation of the time zone instead of its offset. The offset follows from the session's
`TimeZone`, which PostgreSQL reports at connect time together with `DateStyle`.
"""

import re
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import psycopg
from psycopg.abc import AdaptContext, Buffer
from psycopg.adapt import Loader

from stagenorm_pipeline.errors import RefusedError

_TIME = r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)(?:\.(?P<fraction>\d{1,6}))?"
_ZONE = r"(?P<zone>\S+)"
_FORMS = {
    "SQL, MDY": rf"(?P<month>\d\d)/(?P<day>\d\d)/(?P<year>\d{{4}}) {_TIME} {_ZONE}",
    "SQL, DMY": rf"(?P<day>\d\d)/(?P<month>\d\d)/(?P<year>\d{{4}}) {_TIME} {_ZONE}",
    "German": rf"(?P<day>\d\d)\.(?P<month>\d\d)\.(?P<year>\d{{4}}) {_TIME} {_ZONE}",
    "Postgres, MDY": rf"\w{{3}} (?P<month>\w{{3}}) (?P<day>\d\d) {_TIME} (?P<year>\d{{4}}) {_ZONE}",
    "Postgres, DMY": rf"\w{{3}} (?P<day>\d\d) (?P<month>\w{{3}}) {_TIME} (?P<year>\d{{4}}) {_ZONE}",
}
_MONTHS = {
    name: number
    for number, name in enumerate(
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"], start=1
    )
}
_NOTHING = "(?!)"
_OFFSET = re.compile(r"(?P<sign>[+-])(?P<hours>\d\d)(?::?(?P<minutes>\d\d))?")


def read_times_in_any_style(connection: psycopg.BaseConnection[Any]) -> None:
    """Register a loader for timestamps if the session's DateStyle is not ISO. Sends nothing to the server."""
    if not _parameter(connection, "DateStyle").startswith("ISO"):
        connection.adapters.register_loader("timestamptz", _TimeLoader)


class _TimeLoader(Loader):
    def __init__(self, oid: int, context: AdaptContext | None = None) -> None:
        super().__init__(oid, context)
        connection = self.connection
        self._style = _parameter(connection, "DateStyle") if connection else ""
        self._zone = _parameter(connection, "TimeZone") if connection else ""

    def load(self, data: Buffer) -> datetime:
        return parse_time(bytes(data).decode(), date_style=self._style, time_zone=self._zone)


def parse_time(text: str, *, date_style: str, time_zone: str) -> datetime:
    """Read a `timestamptz` as PostgreSQL writes it in a `DateStyle` other than ISO.

    Raises RefusedError for a time or a zone that is ambiguous: a guess could be wrong by an hour.
    """
    # PostgreSQL writes SQL and Postgres the same way for YMD and MDY.
    style = "German" if date_style.startswith("German") else date_style.replace("YMD", "MDY")
    found = re.fullmatch(_FORMS.get(style, _NOTHING), text)
    if found is None:
        raise _unreadable(date_style, time_zone)
    month = _MONTHS.get(found["month"]) or int(found["month"])
    local = datetime(
        int(found["year"]),
        month,
        int(found["day"]),
        int(found["hour"]),
        int(found["minute"]),
        int(found["second"]),
        int((found["fraction"] or "").ljust(6, "0")),
    )
    candidates = [local.replace(tzinfo=zone, fold=fold) for zone in _zones(found["zone"], time_zone) for fold in (0, 1)]
    # An hour occurs twice when clocks go back. The abbreviation says which one this is.
    named = [candidate for candidate in candidates if candidate.tzname() == found["zone"]]
    certain = named or candidates
    if len({candidate.utcoffset() for candidate in certain}) != 1:
        raise _unreadable(date_style, time_zone)
    return certain[0]


def _zones(abbreviation: str, time_zone: str) -> list[tzinfo]:
    numeric = _OFFSET.fullmatch(abbreviation)
    if numeric is not None:
        offset = timedelta(hours=int(numeric["hours"]), minutes=int(numeric["minutes"] or 0))
        return [timezone(-offset if numeric["sign"] == "-" else offset, abbreviation)]
    try:
        return [ZoneInfo(time_zone)]
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return []


def _unreadable(date_style: str, time_zone: str) -> RefusedError:
    return RefusedError(
        f"A time cannot be read: the session's DateStyle is {date_style!r} and its TimeZone {time_zone!r}.",
        remedy="Give stagenorm's role a time zone with a name: ALTER ROLE ... SET TimeZone = 'UTC'. "
        "The DateStyle can stay.",
    )


def _parameter(connection: psycopg.BaseConnection[Any], name: str) -> str:
    return connection.info.parameter_status(name) or ""
