"""The SQL files: found by name, with identifiers put in by the driver's own quoting.

In a file, `{name}` stands for an identifier or a type and `%(name)s` for a bound value. A literal percent sign is `%%`.
The files name our own tables without a schema; `tracking_schema` adds it before a statement is sent.
"""

from functools import cache
from pathlib import Path

from psycopg import sql

_PACKAGE = Path(__file__).resolve().parents[2]


@cache
def sql_directory() -> Path:
    """`sql/` of the installed package or, in a checkout, beside the package."""
    installed = _PACKAGE / "sql"
    return installed if installed.is_dir() else _PACKAGE.parent / "sql"


@cache
def _template(name: str) -> sql.SQL:
    text = (sql_directory() / f"{name}.sql").read_text(encoding="utf-8")
    # Comments teach the reader of the file; some hold braces and percent signs that are no placeholders.
    return sql.SQL("\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--")))


@cache
def _whole(name: str) -> str:
    return _template(name).format().as_string(None)


def statement(name: str, **parts: sql.Composable) -> str:
    """The statement of `sql/<name>.sql`, its `{...}` replaced by quoted identifiers."""
    # A batch takes seven statements, nearly all of them without parts.
    return _template(name).format(**parts).as_string(None) if parts else _whole(name)


def identifier(*names: str) -> sql.Identifier:
    """A name for `statement`, whose text the driver reads for placeholders: a percent sign of the name's is doubled."""
    return sql.Identifier(*(name.replace("%", "%%") for name in names))


@cache
def log_sha256() -> sql.SQL:
    """The hash that receipts keep of log entries, as a part for `statement`: one expression for all who compute it."""
    return sql.SQL(statement("receipts/log_sha256"))
