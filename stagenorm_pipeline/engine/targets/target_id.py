"""The name of a target: schema, table and stage column."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetId:
    """A target by name. `name` is how the reports, the log and the tracking tables write it."""

    schema: str
    table: str
    column: str

    @property
    def name(self) -> str:
        return f"{self.table_name}.{self.column}"

    @property
    def table_name(self) -> str:
        return f"{self.schema}.{self.table}"

    def identity(self) -> dict[str, str]:
        """Return the name as values to bind."""
        return {"schema_name": self.schema, "table_name": self.table, "column_name": self.column}
