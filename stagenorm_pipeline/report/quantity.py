"""Write a number with its noun: "1 row", "2,000 rows"."""


def quantity(number: int, noun: str) -> str:
    """Return the number with thousands separators and the noun in singular or plural."""
    if number == 1:
        return f"1 {noun}"
    return f"{number:,} {noun}{'es' if noun.endswith('ch') else 's'}"
