"""What other sessions do to the rows while stagenorm plans, applies and undoes."""

from hypothesis import strategies as st

from stagenorm_pipeline_tests.histories.actors import (
    CANONICAL,
    FIRST_OF_CROWD,
    FUNDS,
    NOTHING,
    SPELLINGS,
    STAGES,
    TABLE,
    WHICH,
    Actors,
    deed,
)

_OF_CHANGED_ROWS = (
    "{table} SET stage = %s WHERE id::text IN (SELECT row_id FROM stage_normalization_log WHERE table_name = '{table}')"
)


class OtherSessions(Actors):
    """Users and their applications."""

    @deed(which=WHICH, stage=STAGES)
    def update(self, which: int, stage: str | None) -> str:
        """Write a stage: canonical, messy, unknown, or NULL."""
        key = self.row(which)
        if key is None:
            return NOTHING
        return self.others(f"UPDATE {key[0]} SET stage = %s WHERE id = %s", stage, key[1])

    @deed(when=lambda self: self.has_entries, which=WHICH)
    def set_back(self, which: int) -> str:
        """Write what the row held before stagenorm changed it last."""
        key = self.changed_row(which)
        if key is None:
            return NOTHING
        before = self.model.entries_by_row()[key][-1].before
        return self.others(f"UPDATE {key[0]} SET stage = %s WHERE id = %s", before, key[1])

    @deed(which=WHICH)
    def touch(self, which: int) -> str:
        """Write the stage that the row holds already."""
        key = self.row(which)
        return NOTHING if key is None else self.others(f"UPDATE {key[0]} SET stage = stage WHERE id = %s", key[1])

    @deed(table=TABLE, fund=FUNDS, stage=STAGES)
    def insert(self, table: str, fund: int | None, stage: str | None) -> str:
        """Insert a row."""
        number = 1 + max((key[1] for key in self.model.rows if key[1] < FIRST_OF_CROWD), default=0)
        return self.others(f"INSERT INTO {table} (id, fund_id, stage) VALUES (%s, %s, %s)", number, fund, stage)

    @deed(which=WHICH)
    def delete(self, which: int) -> str:
        """Delete a row."""
        key = self.row(which)
        return NOTHING if key is None else self.others(f"DELETE FROM {key[0]} WHERE id = %s", key[1])

    @deed(which=WHICH, fund=FUNDS, stage=st.one_of(st.none(), SPELLINGS))
    def reuse_key(self, which: int, fund: int | None, stage: str | None) -> str:
        """Delete a row and insert another company with its id; `stage` None: with the same stage."""
        key = self.row(which)
        if key is None:
            return NOTHING
        was = self.model.rows[key]
        self.others(f"DELETE FROM {key[0]} WHERE id = %s", key[1])
        statement = f"INSERT INTO {key[0]} (id, fund_id, stage) VALUES (%s, %s, %s)"
        return self.others(statement, key[1], fund, stage or was.stage)

    @deed(which=WHICH, fund=FUNDS)
    def move(self, which: int, fund: int | None) -> str:
        """Move a row to another fund."""
        key = self.row(which)
        if key is None:
            return NOTHING
        return self.others(f"UPDATE {key[0]} SET fund_id = %s WHERE id = %s", fund, key[1])

    @deed(when=lambda self: self.has_entries, table=TABLE, both=st.booleans())
    def truncate(self, table: str, both: bool) -> str:
        """Empty one table or both."""
        return (
            self.others("DELETE FROM portfoliocompanies; DELETE FROM deal_opportunities")
            if both
            else self.others(f"DELETE FROM {table}")
        )

    @deed(when=lambda self: self.has_entries, stage=st.sampled_from([*CANONICAL, None]))
    def overwrite_changed_rows(self, stage: str | None) -> str:
        """Give every row that stagenorm changed one stage, or none."""
        first = self.others(f"UPDATE {_OF_CHANGED_ROWS.format(table='portfoliocompanies')}", stage)
        second = self.others(f"UPDATE {_OF_CHANGED_ROWS.format(table='deal_opportunities')}", stage)
        return max(first, second)

    @deed(when=lambda self: self.has_crowd, stage=st.sampled_from(CANONICAL))
    def overwrite_crowd(self, stage: str) -> str:
        """Give 400 canonical rows that nobody planned another stage."""
        return self.others(f"UPDATE deal_opportunities SET stage = %s WHERE id >= {FIRST_OF_CROWD}", stage)
