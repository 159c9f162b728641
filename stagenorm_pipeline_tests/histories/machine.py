"""The machine: all actors in one history, and how a history begins and ends."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize

from stagenorm_pipeline_tests.histories.actors import (
    CROWD,
    EVERYTHING,
    FIRST_OF_CROWD,
    FUNDS,
    SPELLINGS,
    TABLE,
)
from stagenorm_pipeline_tests.histories.attacker import Attacker
from stagenorm_pipeline_tests.histories.crashes import Crashes
from stagenorm_pipeline_tests.histories.facts import DEALS, TABLES
from stagenorm_pipeline_tests.histories.other_sessions import OtherSessions

# From where a history starts: messy rows, an open plan, a finished one, one with refused rows, one whose failed batches
# were deleted as the runbook says, a signed verification.
BEGINNINGS = st.sampled_from(["messy", "planned", "migrated", "migrated", "refused", "cleared", "signed"])


class Histories(Crashes, OtherSessions, Attacker):
    """Operators, other sessions, crashes and an attacker on one database."""

    @initialize(
        rows=st.lists(st.tuples(TABLE, FUNDS, SPELLINGS), min_size=4, max_size=9),
        beginning=BEGINNINGS,
        is_crowded=st.sampled_from([False, False, False, False, True]),
    )
    def begin(self, rows: list[tuple[str, int | None, str]], beginning: str, is_crowded: bool) -> None:
        """Fill the tables."""
        self.told.append(f"begin(rows={rows!r}, beginning={beginning!r}, is_crowded={is_crowded!r})")
        for table in TABLES:
            self.world.add(table, [(n, fund, stage) for n, (at, fund, stage) in enumerate(rows, 1) if at == table])
        if is_crowded:
            self.world.add(DEALS, [(FIRST_OF_CROWD + n, 1, "series-b") for n in range(CROWD)])
        self.model.rows = self.world.rows()

        def start() -> None:
            if beginning != "messy":
                self.record(EVERYTHING, TABLES, 50 if beginning == "cleared" else 2)
            if beginning in ("refused", "cleared"):
                self.set_refusing(is_on=True)
            if beginning in ("migrated", "refused", "cleared", "signed"):
                self.apply()
            if beginning == "cleared":
                self.delete_unfinished()
                self.set_refusing(is_on=False)
            if beginning == "signed":
                self.put_signature(self.look())

        self.judged(start)

    def teardown(self) -> None:
        """Every history ends with a verification."""
        if not self.is_over:
            self.judged(self._end)

    def _end(self) -> Any:
        self.look()
