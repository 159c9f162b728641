"""What the pages say about tables and errors is what the database and the program have."""

import re
from pathlib import Path

_REPOSITORY = Path(__file__).parents[2]
_DOCS = _REPOSITORY / "docs"


def test_database_contract_names_every_table_and_view() -> None:
    migrations = "".join(
        file.read_text(encoding="utf-8") for file in (_REPOSITORY / "sql" / "migrations").glob("*.sql")
    )
    created = re.findall(r"^CREATE (?:TABLE IF NOT EXISTS|OR REPLACE VIEW) (\w+)", migrations, re.MULTILINE)
    page = (_DOCS / "database.md").read_text(encoding="utf-8")
    assert len(set(created)) > 20
    assert sorted(set(created) - set(re.findall(r"`(\w+)`", page))) == []


def test_recovery_page_quotes_errors_that_the_program_prints() -> None:
    sources = (file.read_text(encoding="utf-8") for file in (_REPOSITORY / "stagenorm_pipeline").rglob("*.py"))
    # Strings that are continued on the next line, joined.
    program = re.sub(r'"\s+f?"', "", "".join(sources))
    rows = re.findall(r"^\| (`[^|]+) \|", (_DOCS / "recover.md").read_text(encoding="utf-8"), re.MULTILINE)
    quoted = [quote for row in rows for quote in re.findall(r"`([^`]+)`", row) if not quote.startswith("--")]
    # Numbers and `...` stand for what the program fills in.
    parts = [part.strip() for quote in quoted for part in re.split(r"[\d.]+", quote)]
    assert len(parts) > 10
    assert [part for part in parts if part not in program] == []
