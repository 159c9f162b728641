"""Load SQL statements from the files of `sql/`, with identifiers quoted by psycopg.

In a file, `{name}` stands for an identifier or a type and `%(name)s` for a bound value. A literal percent sign is `%%`.
The files name stagenorm's own tables without a schema; `tracking_schema` adds it before a statement is sent.
"""

from functools import cache
from pathlib import Path

from psycopg import sql

_PACKAGE = Path(__file__).resolve().parents[2]


@cache
def sql_directory() -> Path:
    """Return `sql/` in the installed package or, in a checkout, beside the package."""
    installed = _PACKAGE / "sql"
    return installed if installed.is_dir() else _PACKAGE.parent / "sql"


@cache
def _template(name: str) -> sql.SQL:
    text = (sql_directory() / f"{name}.sql").read_text(encoding="utf-8")
    # Comments are left out: some contain braces and percent signs that are not placeholders.
    return sql.SQL("\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--")))


@cache
def _without_parts(name: str) -> str:
    return _template(name).format().as_string(None)


def statement(name: str, **parts: sql.Composable) -> str:
    """Return the statement of `sql/<name>.sql`, with quoted identifiers for each `{...}`."""
    # Cached: a batch runs seven statements, nearly all of them without parts.
    return _template(name).format(**parts).as_string(None) if parts else _without_parts(name)


def identifier(*names: str) -> sql.Identifier:
    """Return a quoted name for `statement`. A percent sign is doubled: psycopg reads it as a placeholder."""
    return sql.Identifier(*(name.replace("%", "%%") for name in names))


@cache
def log_sha256() -> sql.SQL:
    """Return the SQL expression of the hash that receipts keep of log entries, as a part for `statement`."""
    return sql.SQL(statement("receipts/log_sha256"))
