"""Read the key of a row as a user types it, and write it as the audit log has it."""

from uuid import UUID

from stagenorm_pipeline.engine.targets.target import KeyKind, Target
from stagenorm_pipeline.errors import ConfigurationError

# bigint; smaller integer types hold fewer keys, so a larger key is simply not found.
_INTEGERS = range(-(2**63), 2**63)


def row_id_of(target: Target, text: str) -> str:
    """Return the key as PostgreSQL writes it as text. Raises ConfigurationError if the table cannot have such a key."""
    try:
        match target.key_kind:
            case KeyKind.INTEGER:
                number = int(text)
                if number not in _INTEGERS:
                    raise ValueError
                return str(number)
            case KeyKind.UUID:
                return str(UUID(text))
            case KeyKind.TEXT:
                text.encode()
                return text
    except ValueError as error:
        kind = "an integer" if target.key_kind is KeyKind.INTEGER else f"of type {target.key_kind.value}"
        raise ConfigurationError(
            f"{text!r} is not a key of {target.table_name}: its key column {target.key_column!r} is {kind}.",
            remedy="Give the key of the row as the table has it.",
        ) from error
