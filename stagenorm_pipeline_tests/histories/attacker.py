"""Tamper with the tracking tables by hand, as a user with write access could."""

from hypothesis import strategies as st

from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline_tests.histories.actors import DONE, EVERYTHING, NOTHING, WHICH, Actors, choose, deed
from stagenorm_pipeline_tests.histories.facts import Batch, Entry
from stagenorm_pipeline_tests.histories.model import Tampering


class Attacker(Actors):
    """Alters and deletes evidence. A verification must report it, unless all that it is about was signed before."""

    @deed(when=lambda self: self.is_untampered, which=WHICH)
    def alter_stage_before(self, which: int) -> str:
        """Change what an entry of the log says that the row held."""
        entry = self._entry(which)
        if entry is None:
            return NOTHING
        other = "Pre Seed" if entry.before != "Pre Seed" else "SEED"
        self.world.sql("UPDATE stage_normalization_log SET stage_before = %s WHERE id = %s", other, entry.id)
        return self._tampered("an altered stage_before", entry)

    @deed(when=lambda self: self.is_untampered, which=WHICH)
    def alter_stage_after_with_row(self, which: int) -> str:
        """Change what an entry says that the row became, and the row with it."""
        entry = self._entry(which)
        if entry is None or entry.action != "normalize":
            return NOTHING
        other = "pre-seed"
        self.world.sql("UPDATE stage_normalization_log SET stage_after = %s WHERE id = %s", other, entry.id)
        self.world.sql(f"UPDATE {entry.key[0]} SET stage = %s WHERE id = %s", other, entry.key[1])
        self.model.others_wrote(self.world.rows())
        return self._tampered("an altered stage_after, with its row", entry)

    @deed(when=lambda self: self.is_untampered, which=WHICH)
    def delete_entry(self, which: int) -> str:
        """Delete an entry of the log, and take it off the batch's count."""
        entry = self._entry(which)
        if entry is None:
            return NOTHING
        self.world.sql("DELETE FROM stage_normalization_log WHERE id = %s", entry.id)
        self.world.sql(
            "UPDATE stage_migration_batches SET rows_updated = rows_updated - 1, rows_skipped = rows_skipped + 1, "
            "rows_skipped_changed = rows_skipped_changed + 1 WHERE batch_id = %s AND rows_updated > 0",
            entry.batch,
        )
        return self._tampered("a deleted log entry", entry)

    @deed(
        when=lambda self: self.is_untampered,
        which=WHICH,
        status=st.sampled_from(["pending", "completed", "failed", "cancelled", "rolled_back"]),
    )
    def edit_batch_status(self, which: int, status: str) -> str:
        """Change a batch's status."""
        batch = choose(self._batches(), which)
        if batch is None:
            return NOTHING
        self.world.sql("UPDATE stage_migration_batches SET status = %s WHERE batch_id = %s", status, batch.id)
        return self._edited()

    @deed(
        when=lambda self: self.is_untampered,
        which=WHICH,
        status=st.sampled_from(["draft", "completed", "cancelled", "rolled_back"]),
    )
    def edit_plan_status(self, which: int, status: str) -> str:
        """Change a plan's status."""
        plan = choose(sorted(self.model.plans), which)
        if plan is None:
            return NOTHING
        self.world.sql("UPDATE stage_migration_plans SET status = %s WHERE plan_id = %s", status, plan)
        return self._edited()

    @deed(when=lambda self: self.is_untampered, which=WHICH)
    def delete_completed_batch(self, which: int) -> str:
        """Delete a completed batch that changed rows."""
        batch = choose([batch for batch in self._batches() if batch.status == "completed" and batch.updated], which)
        if batch is None or self._is_signed(batch.id):
            return NOTHING
        self.world.sql("DELETE FROM stage_migration_batches WHERE batch_id = %s", batch.id)
        scope = FundScope.one(batch.fund)
        self.model.tampering.append(Tampering(what="a deleted completed batch", scope=scope))
        return self._by_hand()

    @deed(when=lambda self: self.is_untampered, which=WHICH)
    def delete_plan(self, which: int) -> str:
        """Delete a plan that changed rows, with all that hangs on it."""
        plan = self._plan_with_changes(which)
        if plan is None:
            return NOTHING
        self.world.sql("DELETE FROM stage_migration_plans WHERE plan_id = %s", plan)
        self.model.tampering.append(Tampering(what="a deleted plan", scope=EVERYTHING))
        return self._by_hand()

    @deed(when=lambda self: self.is_untampered, which=WHICH)
    def delete_baseline(self, which: int) -> str:
        """Delete the baseline of a plan that changed rows."""
        plan = self._plan_with_changes(which)
        if plan is None or self.model.kinds.get(plan) != "normalize":
            return NOTHING
        self.world.sql("DELETE FROM stage_migration_baseline WHERE plan_id = %s", plan)
        self.model.tampering.append(Tampering(what="a deleted baseline", scope=EVERYTHING))
        return self._by_hand()

    @deed(when=lambda self: self.is_untampered, which=WHICH)
    def delete_receipt(self, which: int) -> str:
        """Delete the receipts of a batch that changed rows."""
        entry = self._entry(which)
        if entry is None:
            return NOTHING
        self.world.sql("DELETE FROM stage_migration_receipts WHERE batch_id = %s", entry.batch)
        return self._receipt("a deleted receipt", entry)

    @deed(when=lambda self: self.is_untampered, which=WHICH)
    def alter_receipt(self, which: int) -> str:
        """Change the hash in a receipt."""
        entry = self._entry(which)
        if entry is None:
            return NOTHING
        self.world.sql(
            "UPDATE stage_migration_receipts SET log_sha256 = sha256('other') WHERE batch_id = %s", entry.batch
        )
        return self._receipt("an altered receipt", entry)

    def _receipt(self, what: str, entry: Entry) -> str:
        self.model.tampering.append(Tampering(what=what, scope=FundScope.one(entry.fund), spoils_log=True))
        return self._by_hand()

    def _entry(self, which: int) -> Entry | None:
        """An entry that was not signed."""
        return choose([entry for entry in self.model.log if self._is_unsigned(entry)], which)

    def _batches(self) -> list[Batch]:
        return sorted(self.model.batches.values(), key=lambda batch: batch.id)

    def _plan_with_changes(self, which: int) -> int | None:
        changed = {entry.plan for entry in self.model.log if self._is_unsigned(entry)}
        return choose(sorted(changed & set(self.model.plans)), which)

    def _is_unsigned(self, entry: Entry) -> bool:
        accepted = self.model.accepted.get(entry.key)
        return accepted is None or accepted.last_entry < entry.id

    def _is_signed(self, batch: int) -> bool:
        return not any(entry.batch == batch and self._is_unsigned(entry) for entry in self.model.log)

    def _tampered(self, what: str, entry: Entry) -> str:
        self.model.tampering.append(Tampering(what=what, scope=FundScope.one(entry.fund), spoils_log=True))
        self.model.spoiled.add(entry.key)
        return self._by_hand()

    def _edited(self) -> str:
        found = Tampering(what="a status edited by hand", scope=EVERYTHING, is_certain=False)
        self.model.tampering.append(found)
        return self._by_hand()

    def _by_hand(self) -> str:
        self.model.tracking_is(self.world.tracking(), by_hand=True)
        return DONE
