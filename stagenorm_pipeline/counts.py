"""Write a count with its unit for people: "1 row", "2,500 rows"."""


def counted(count: int, unit: str, plural: str | None = None) -> str:
    """Return a count with thousands separators and its unit in singular or plural. `plural`: an irregular plural."""
    if count == 1:
        return f"1 {unit}"
    return f"{count:,} {plural or _plural(unit)}"


def _plural(unit: str) -> str:
    return f"{unit}es" if unit.endswith(("ch", "s", "x")) else f"{unit}s"
