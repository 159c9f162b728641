"""Format rows of figures as a Markdown table."""


def markdown_table(rows: list[dict[str, object]]) -> str:
    """Make a column for each key of the first row. Numbers are aligned to the right."""
    names = list(rows[0])
    numeric = {name: all(isinstance(row[name], int | float) for row in rows) for name in names}
    lines = [
        "| " + " | ".join(name.replace("_", " ") for name in names) + " |",
        "|" + "|".join("--:" if numeric[name] else "---" for name in names) + "|",
    ]
    lines += ["| " + " | ".join(_text(row[name]) for name in names) + " |" for row in rows]
    return "\n".join(lines)


def _text(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
