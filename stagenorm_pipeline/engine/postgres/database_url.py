"""Read a PostgreSQL URL in any form that people paste, and name its database without its password.

No part of a password is ever shown. A URL whose password may reach beyond the `@` that we take for its end is refused:
what follows would be printed as the host.
"""

import re

import psycopg
import sqlalchemy as sa
from psycopg.conninfo import make_conninfo
from sqlalchemy.exc import ArgumentError

from stagenorm_pipeline.errors import ConfigurationError

_DRIVER = "postgresql+psycopg"
_POSTGRES_SCHEMES = {"postgres", "postgresql", "postgresql+psycopg", "postgresql+psycopg2", "postgresql+asyncpg"}

# `h1:5432,h2,[::1]:5433`, as psql accepts it.
_HOST = r"(?:\[[0-9A-Fa-f:.%]+\]|[^\[\]:,/?@]*)(?::\d*)?"
_AFTER_PASSWORD = re.compile(rf"(?P<hosts>{_HOST}(?:,{_HOST})+)(?P<rest>[/?].*)?", re.DOTALL)
# A colon of `host:5432` taken for that of `user:password`: the @ is one of the query's.
_PASSWORD_IN_QUERY = re.compile(r"[?&](?:ssl)?password=")


def parse_database_url(text: str) -> sa.URL:
    """Read a PostgreSQL URL with one host or, as psql does, with several. The result names the driver of this program.

    Raises ConfigurationError, which never repeats the text: it may hold a password.
    """
    try:
        url = sa.make_url(_one_form_of_hosts(text.strip()))
        # An @ here ends a password that holds an unencoded slash: it would be shown as the name.
        known = url.drivername in _POSTGRES_SCHEMES and "@" not in f"{url.host}{url.database}"
        url = url.set(drivername=_DRIVER)
        _, options = url.get_dialect()().create_connect_args(url) if known else ((), {})
    except (ArgumentError, ValueError):
        known = False
    if not known:
        raise _not_a_url()
    try:
        make_conninfo(**options)
    except psycopg.ProgrammingError as error:
        # The name of an option may be a part of a password that holds an unencoded &.
        said = "it has an unknown option" if "password" in url.query else str(error).strip().splitlines()[0]
        # Other tools keep options of their own in the URL: ?schema=public, ?connection_limit=5.
        raise ConfigurationError(
            f"The database URL cannot be used: {said}.",
            remedy="Leave out of it what follows ? and is no option of PostgreSQL's own.",
        ) from (None if "password" in url.query else error)
    return url


def describe(url: sa.URL) -> str:
    """The database for people: its name and where it is, never the password."""
    hosts, ports = _split(url.query.get("host")), _split(url.query.get("port"))
    if url.host or not hosts:
        place = (url.host or "local socket") + (f":{url.port}" if url.port else "")
    else:
        ports += [""] * (len(hosts) - len(ports))
        place = ",".join(f"{host}:{port}" if port else host for host, port in zip(hosts, ports, strict=False))
    return f"{url.database or url.username or 'postgres'} on {place}"


def without_password(text: str, url: sa.URL) -> str:
    """A message of the driver, with the password masked."""
    for secret in (url.password, url.query.get("password")):
        text = text.replace(str(secret), "***") if secret else text
    return text


def _one_form_of_hosts(text: str) -> str:
    """The URL with several hosts as `?host=h1,h2&port=1,2`, the form that the library below can read."""
    scheme, separator, rest = text.partition("://")
    if not separator or rest.count("@") > 1:
        raise ValueError("not a URL, or an @ in a password, a name or an option that is not encoded")
    user, at, after = rest.rpartition("@")
    if _PASSWORD_IN_QUERY.search(user):
        raise ValueError("an @ in an option that is not encoded")
    found = _AFTER_PASSWORD.fullmatch(after)
    if found is None:
        return text
    names, ports = zip(*(_host_and_port(host) for host in found["hosts"].split(",")), strict=True)
    path, _, query = (found["rest"] or "").partition("?")
    options = "&".join(
        [f"host={','.join(names)}", *([f"port={','.join(ports)}"] if any(ports) else []), *([query] if query else [])]
    )
    return f"{scheme}://{user}{at}{path or '/'}?{options}"


def _host_and_port(text: str) -> tuple[str, str]:
    if text.startswith("["):
        name, _, port = text[1:].partition("]")
        return name, port.removeprefix(":")
    name, _, port = text.partition(":")
    return name, port


def _split(value: str | tuple[str, ...] | None) -> list[str]:
    if value is None:
        return []
    return value.split(",") if isinstance(value, str) else list(value)


def _not_a_url() -> ConfigurationError:
    return ConfigurationError(
        "The database URL is not a PostgreSQL URL.",
        remedy="Give it the form postgresql://USER:PASSWORD@HOST:5432/DATABASE "
        "(special characters in the password percent-encoded).",
    )
