"""What the operator and the reviewer do: every command, through the Python API."""

from collections.abc import Callable
from dataclasses import replace

from hypothesis import strategies as st

from stagenorm_pipeline.config.pacing import Pacing
from stagenorm_pipeline.engine.apply.events import BatchCompleted, BatchFailed, Event
from stagenorm_pipeline.engine.apply.pause import set_paused
from stagenorm_pipeline.engine.apply.runner import ApplyRequest, apply_batches
from stagenorm_pipeline.engine.enforce.constraint import read_enforcements
from stagenorm_pipeline.engine.enforce.enforce import enforce, remove_enforcement
from stagenorm_pipeline.engine.plan.life_cycle import cancel_plan, open_plan
from stagenorm_pipeline.engine.plan.plan import preview_plan, record_plan
from stagenorm_pipeline.engine.plan.request import PlanRequest
from stagenorm_pipeline.engine.plan.vocabulary_check import OtherVocabularyError
from stagenorm_pipeline.engine.rollback.rollback import RollbackRequest, preview_rollback, record_rollback
from stagenorm_pipeline.engine.targets.funds import FundScope
from stagenorm_pipeline.engine.verify.recorded_verifications import record_verification
from stagenorm_pipeline.engine.verify.sign_off import sign_off
from stagenorm_pipeline.engine.verify.verification import VerifyRequest, verify
from stagenorm_pipeline.errors import StagenormError
from stagenorm_pipeline.report.json_document import document_json, verification_document
from stagenorm_pipeline_tests.histories.actors import (
    DONE,
    EVERYTHING,
    NOTHING,
    REFUSED,
    SCOPES,
    SOME_TABLES,
    TABLE,
    VOCABULARIES,
    WHICH,
    Actors,
    allowed_by,
    choose,
    deed,
)
from stagenorm_pipeline_tests.histories.facts import TABLES, BrokenLaw, Undo, covers
from stagenorm_pipeline_tests.histories.model import LostBatch
from stagenorm_pipeline_tests.histories.verdicts import broken_laws
from stagenorm_pipeline_tests.histories.world import Killed, targets

BATCH_SIZES = st.sampled_from([1, 2, 2, 3, 50])
WAYS = st.sampled_from(["plan", "batch", "fund", "table", "since", "all of it"])

_RUNBOOK_ROLLBACK = """
UPDATE {table} p SET stage = l.stage_before FROM stage_normalization_log l
WHERE l.table_name = '{table}' AND l.row_id = p.id::text AND l.run_at > '2025-10-30 00:00:00+00'
"""
_RUNBOOK_DELETE = """
DELETE FROM stage_migration_batches
WHERE status IN ('failed', 'pending') AND created_at > '2025-10-30 00:00:00+00'
"""


class Operator(Actors):
    """The person who plans, applies, undoes and verifies."""

    # Planning

    @deed(scope=SCOPES, tables=SOME_TABLES, size=BATCH_SIZES, as_draft=st.booleans())
    def plan(self, scope: FundScope, tables: tuple[str, ...], size: int, as_draft: bool) -> str:
        """Record a plan, and open it unless it is a draft."""
        preview = preview_plan(
            self.world.database,
            PlanRequest(vocabulary=self.vocabulary, targets=targets(tables), scope=scope, batch_size=size),
        )
        if preview.counts.rows_to_change != len(self.model.to_change(scope, tables, self.vocabulary)):
            raise BrokenLaw("a dry run counts exactly the messy rows")
        return self.record(scope, tables, size, as_draft=as_draft)

    @deed(scope=SCOPES, tables=SOME_TABLES, size=BATCH_SIZES)
    def run(self, scope: FundScope, tables: tuple[str, ...], size: int) -> str:
        """Plan and apply, as `stagenorm run` does."""
        before = set(self.model.kinds)
        self.record(scope, tables, size)
        new = set(self.model.kinds) - before
        return self.apply(plan=new.pop()) if new else REFUSED

    def record(self, scope: FundScope, tables: tuple[str, ...], size: int, *, as_draft: bool = False) -> str:
        """Record a plan."""
        request = PlanRequest(vocabulary=self.vocabulary, targets=targets(tables), scope=scope, batch_size=size)
        self.planning = (self.vocabulary, size)
        try:
            record_plan(self.world.database, request, created_by="operator", as_draft=as_draft)
        except (StagenormError, Killed) as error:
            outcome = REFUSED if isinstance(error, StagenormError) else "killed"
        else:
            outcome = DONE
        self.settle()
        return outcome

    @deed(when=lambda self: self.has_plan("draft"), which=WHICH)
    def open_draft(self, which: int) -> str:
        """Open one of the drafts."""
        plan = choose([plan.id for plan in self.model.plans.values() if plan.status == "draft"], which)
        if plan is None:
            return NOTHING
        return self._attempt(lambda: open_plan(self.world.database, plan, self.vocabulary))

    @deed(when=lambda self: self.has_plan("draft", "open"), which=WHICH)
    def cancel(self, which: int) -> str:
        """Cancel what a plan has left to do."""
        plan = choose([plan.id for plan in self.model.plans.values() if plan.status in ("draft", "open")], which)
        return self._attempt(lambda: cancel_plan(self.world.database, plan or 99))

    @deed(paused=st.sampled_from([True, False, False]))
    def pause(self, paused: bool) -> str:
        """Turn the pause switch."""
        set_paused(self.world.database, paused=paused, reason=None, changed_by="operator")
        self.model.is_paused = paused
        return DONE

    @deed(choice=st.sampled_from(VOCABULARIES))
    def decide(self, choice: object) -> str:
        """Change the decision about the unknown spelling."""
        self.vocabulary = next(vocabulary for vocabulary in VOCABULARIES if vocabulary is choice)
        return DONE

    def _attempt(self, command: Callable[[], object]) -> str:
        try:
            command()
        except StagenormError:
            outcome = REFUSED
        else:
            outcome = DONE
        self.settle()
        return outcome

    # Applying

    @deed(when=lambda self: self.has_work, scope=SCOPES, paced=st.booleans())
    def resume(self, scope: FundScope, paced: bool) -> str:
        """Apply all that waits in the scope."""
        return self.apply(scope=scope, pacing=Pacing() if paced else None)

    @deed(when=lambda self: self.has_work, batches=st.integers(1, 3))
    def apply_some(self, batches: int) -> str:
        """Apply one batch or a few, then stop between two batches."""
        return self.apply(limit=batches)

    def apply(
        self,
        *,
        plan: int | None = None,
        scope: FundScope = EVERYTHING,
        limit: int | None = None,
        pacing: Pacing | None = None,
    ) -> str:
        """Apply batches. A crash that a test has prepared can end it."""
        self.predicted = self.model.predict(plan=plan, scope=scope, vocabulary=self.vocabulary)
        self.is_disturbed = False
        ended = calls = 0

        def watch(event: Event) -> None:
            nonlocal ended
            ended += isinstance(event, BatchCompleted | BatchFailed)

        def should_stop() -> bool:
            nonlocal calls
            calls += 1
            return (limit is not None and ended >= limit) or (self.model.is_paused and calls > 1)

        self.workers += 1
        request = ApplyRequest(
            worker=f"worker-{self.workers}",
            run_by="operator@host",
            plan_id=plan,
            scope=scope,
            sleep_ms=0,
            watch=watch,
            should_stop=should_stop,
            vocabulary=self.vocabulary,
            pacing=pacing,
        )
        is_finished = False
        try:
            result = apply_batches(self.world.database, request)
        except Killed:
            outcome = "killed"
        except OtherVocabularyError:
            outcome, is_finished = "refused: other vocabulary", limit is None
        except StagenormError:
            outcome = REFUSED
        else:
            is_finished = not (result.stopped or result.taken)
            outcome = DONE if result.batches else NOTHING
        self.settle(self.predicted, is_finished=is_finished and not self.is_disturbed)
        return outcome

    # Rolling back

    @deed(
        when=lambda self: self.model.plans,
        way=WAYS,
        which=WHICH,
        scope=SCOPES,
        is_applied=st.sampled_from([True, True, False]),
        only_untouched=st.sampled_from([False, False, True]),
    )
    def roll_back(self, way: str, which: int, scope: FundScope, is_applied: bool, only_untouched: bool) -> str:
        """Preview and record a rollback of one plan, batch, fund, table, of all since a time, or of all."""
        return self.undo(way, which, scope, is_applied=is_applied, only_untouched=only_untouched)

    def undo(self, way: str, which: int, scope: FundScope, *, is_applied: bool, only_untouched: bool = False) -> str:
        """Roll back, and apply it unless the rollback is to wait."""
        undo = self._undo(way, which, scope)
        if undo is None:
            return NOTHING
        undo = replace(undo, only_untouched=only_untouched)
        request = RollbackRequest(
            plan_id=undo.plan,
            batch_id=undo.batch,
            since=undo.since,
            targets=targets(undo.tables),
            scope=undo.scope,
            batch_size=2,
            by_table=True,
            only_untouched=only_untouched,
        )
        before = set(self.model.kinds)
        try:
            self.undoing = (undo, preview_rollback(self.world.database, request).restorable)
            record_rollback(self.world.database, request, created_by="operator")
        except (StagenormError, Killed) as error:
            outcome = REFUSED if isinstance(error, StagenormError) else "killed"
        else:
            outcome = f"{DONE} by {way}"
        self.settle()
        new = set(self.model.kinds) - before
        if is_applied and new:
            self.apply(plan=new.pop())
        return outcome

    def _undo(self, way: str, which: int, scope: FundScope) -> Undo | None:
        model = self.model
        match way:
            case "plan":
                plan = choose(sorted(model.plans), which)
                return None if plan is None else Undo(plan=plan)
            case "batch":
                batch = choose(sorted(model.batches), which)
                return None if batch is None else Undo(batch=batch)
            case "fund":
                return Undo(scope=FundScope.one("1"))
            case "table":
                return Undo(tables=TABLES[which % 2 : which % 2 + 1])
            case "since":
                entry = choose(model.log, which)
                return None if entry is None else Undo(since=entry.run_at, scope=scope)
        return Undo()

    # Verifying

    @deed(scope=SCOPES, strict=st.sampled_from([False, False, False, True]))
    def verify(self, scope: FundScope, strict: bool) -> str:
        """Verify, and hold the verdict against what happened."""
        self.look(scope, strict=strict)
        return DONE

    def look(self, scope: FundScope = EVERYTHING, *, strict: bool = False) -> int:
        """Verify and record it; the verification's number."""
        result = verify(
            self.world.database,
            VerifyRequest(vocabulary=self.vocabulary, created_by="reviewer", scope=scope, strict=strict),
        )
        report = document_json(verification_document(result))
        number = record_verification(self.world.database, result, report=report)
        self.census.verdict(result.verdict)
        self.verifications[number] = (
            dict(self.model.rows),
            scope,
            self.model.last_entry,
            result.verdict.value,
        )
        self.settle()
        outcomes = {check.rule: check.outcome for check in result.checks}
        for broken in broken_laws(self.model, outcomes, scope=scope, strict=strict, vocabulary=self.vocabulary):
            self.report(broken)
        return number

    @deed(when=lambda self: self.verifications, which=WHICH)
    def sign(self, which: int) -> str:
        """Sign one of the verifications that were made."""
        number = choose(sorted(self.verifications), which)
        return NOTHING if number is None else self.put_signature(number)

    @deed()
    def verify_and_sign(self) -> str:
        """Verify everything and sign it at once."""
        return self.put_signature(self.look())

    def put_signature(self, number: int) -> str:
        """Sign a verification."""
        rows, scope, last_entry, verdict = self.verifications[number]
        try:
            sign_off(self.world.database, number, "reviewer", accepted_warnings="looked at each")
        except StagenormError:
            return REFUSED
        if verdict == "failed":
            raise BrokenLaw("a failed verification cannot be signed")
        if any(entry.id > last_entry and covers(scope, entry.fund) for entry in self.model.log):
            raise BrokenLaw("a verification is signed only while stagenorm has changed nothing since")
        self.model.signed(rows, scope, last_entry)
        return DONE

    # Enforcing

    @deed(table=TABLE)
    def enforce_stages(self, table: str) -> str:
        """Have PostgreSQL refuse stages that are not canonical."""
        (found,) = read_enforcements(self.world.database, targets([table]), self.vocabulary)
        outcome = self._attempt(
            lambda: enforce(self.world.database, found, done_by="operator", announce=lambda *_: None)
        )
        if outcome == DONE:
            self.enforced[table] = allowed_by(self.vocabulary)
        return outcome

    @deed(when=lambda self: self.enforced, table=TABLE)
    def unenforce(self, table: str) -> str:
        """Take the constraint back."""
        (found,) = read_enforcements(self.world.database, targets([table]), self.vocabulary)
        outcome = self._attempt(
            lambda: remove_enforcement(self.world.database, found, done_by="operator", announce=lambda *_: None)
        )
        if outcome == DONE:
            self.enforced.pop(table, None)
        return outcome

    # By hand, as the runbook says

    @deed(when=lambda self: self.has_entries, table=TABLE)
    def runbook_rollback(self, table: str) -> str:
        """The runbook's own UPDATE from the log: stagenorm did not write this."""
        return self.others(_RUNBOOK_ROLLBACK.format(table=table))

    @deed(when=lambda self: self.has_work)
    def runbook_delete(self) -> str:
        """The runbook's own DELETE of failed and pending batches."""
        return self.delete_unfinished()

    def delete_unfinished(self) -> str:
        """Delete failed and pending batches."""
        deleted = [batch for batch in self.model.batches.values() if batch.status in ("failed", "pending")]
        self.world.sql(_RUNBOOK_DELETE)
        self.model.lost += [LostBatch(plan=batch.plan, table=batch.table, fund=batch.fund) for batch in deleted]
        self.model.tracking_is(self.world.tracking(), by_hand=True)
        return DONE if deleted else NOTHING
