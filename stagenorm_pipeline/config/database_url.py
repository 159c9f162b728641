"""Read a PostgreSQL URL in any common form, and describe its database without the password.

No part of a password is ever shown. A URL whose password may contain the `@` that seems to end it is refused: the rest
of the password would be shown as the host.
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
# If this is before the @, then the @ belongs to the query: the colon was that of `host:5432`, not of `user:password`.
_PASSWORD_IN_QUERY = re.compile(r"[?&](?:ssl)?password=")


def parse_database_url(text: str) -> sa.URL:
    """Read a PostgreSQL URL with one host or several, as psql does. The result names our driver, psycopg 3.

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
        # An option's name may be part of a password that contains an unencoded &.
        said = "it has an unknown option" if "password" in url.query else str(error).strip().splitlines()[0]
        # Other tools put their own options into the URL: ?schema=public, ?connection_limit=5.
        raise ConfigurationError(
            f"The database URL cannot be used: {said}.",
            remedy="Remove the options after ? that PostgreSQL does not have.",
        ) from (None if "password" in url.query else error)
    return url


def describe(url: sa.URL) -> str:
    """Return the database's name and host for people, never the password."""
    hosts, ports = _split(url.query.get("host")), _split(url.query.get("port"))
    if url.host or not hosts:
        place = (url.host or "local socket") + (f":{url.port}" if url.port else "")
    else:
        ports += [""] * (len(hosts) - len(ports))
        place = ",".join(f"{host}:{port}" if port else host for host, port in zip(hosts, ports, strict=False))
    return f"{url.database or url.username or 'postgres'} on {place}"


def without_password(text: str, url: sa.URL) -> str:
    """Return a message of the driver with the password masked."""
    for secret in (url.password, url.query.get("password")):
        text = text.replace(str(secret), "***") if secret else text
    return text


def _one_form_of_hosts(text: str) -> str:
    """Return the URL with several hosts as `?host=h1,h2&port=1,2`, the form that SQLAlchemy can read."""
    scheme, separator, rest = text.partition("://")
    if not separator or rest.count("@") > 1:
        raise ValueError("not a URL, or an unencoded @ in a password, a name or an option")
    user, at, after = rest.rpartition("@")
    if _PASSWORD_IN_QUERY.search(user):
        raise ValueError("an unencoded @ in an option")
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
        remedy="Write it as postgresql://USER:PASSWORD@HOST:5432/DATABASE "
        "(special characters in the password percent-encoded).",
    )
