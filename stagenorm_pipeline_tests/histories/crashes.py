"""What goes wrong around a command: its process is killed, its sessions are lost, rows are refused."""

from contextlib import suppress

from hypothesis import strategies as st

from stagenorm_pipeline.engine.apply.pause import set_paused
from stagenorm_pipeline.engine.plan.life_cycle import cancel_plan
from stagenorm_pipeline.engine.postgres.failpoints import Failpoint
from stagenorm_pipeline.errors import StagenormError
from stagenorm_pipeline_tests.histories.actors import (
    DONE,
    EVERYTHING,
    WHICH,
    choose,
    deed,
)
from stagenorm_pipeline_tests.histories.facts import TABLES
from stagenorm_pipeline_tests.histories.operator import BATCH_SIZES, WAYS, Operator
from stagenorm_pipeline_tests.histories.world import Killed, interrupted

_APPLY = [step for step in Failpoint if step.value.startswith("apply.")]
_PLAN = [step for step in Failpoint if step.value.startswith("plan.")]
_ROLLBACK = [step for step in Failpoint if step.value.startswith("rollback.")]


def _kill() -> None:
    raise Killed


class Crashes(Operator):
    """Commands that do not come to their end undisturbed."""

    @deed(when=lambda self: self.has_work, step=st.sampled_from(_APPLY), place=st.integers(1, 3))
    def kill_runner(self, step: Failpoint, place: int) -> str:
        """Kill a runner at a failpoint."""
        with interrupted(step, place, _kill):
            return self.apply()

    @deed(step=st.sampled_from(_PLAN), place=st.integers(1, 2), size=BATCH_SIZES)
    def kill_planner(self, step: Failpoint, place: int, size: int) -> str:
        """Kill a planner at a failpoint."""
        with interrupted(step, place, _kill):
            return self.record(EVERYTHING, TABLES, size)

    @deed(when=lambda self: self.has_entries, step=st.sampled_from([*_ROLLBACK, *_APPLY]), way=WAYS, which=WHICH)
    def kill_rollback(self, step: Failpoint, way: str, which: int) -> str:
        """Kill a rollback at a failpoint."""
        with interrupted(step, 1, _kill):
            return self.undo(way, which, EVERYTHING, is_applied=True)

    @deed(when=lambda self: self.has_work, step=st.sampled_from(_APPLY), place=st.integers(1, 2))
    def lose_sessions(self, step: Failpoint, place: int) -> str:
        """Terminate the runner's sessions at a failpoint; it connects again and goes on."""
        with interrupted(step, place, self.world.end_our_sessions):
            return self.apply()

    @deed(
        when=lambda self: self.has_work,
        step=st.sampled_from([Failpoint.APPLY_BEFORE_CLAIM, Failpoint.APPLY_CLAIMED, Failpoint.APPLY_AFTER_COMMIT]),
        place=st.integers(1, 2),
        which=WHICH,
        act=st.sampled_from(["update", "delete", "cancel", "pause", "plan", "roll back", "second runner"]),
    )
    def act_between_batches(self, step: Failpoint, place: int, which: int, act: str) -> str:
        """While a runner is between two transactions, somebody else does something."""
        with interrupted(step, place, lambda: self._act(act, which)):
            return self.apply()

    @deed(when=lambda self: self.has_work, place=st.integers(1, 2))
    def run_two(self, place: int) -> str:
        """While a runner holds the lock of a batch, a second one applies the others."""
        with interrupted(Failpoint.APPLY_LOCKED, place, lambda: self._act("second runner", 0)):
            return self.apply()

    def _act(self, act: str, which: int) -> None:
        """Do something in the middle of a runner's work, and judge what the runner did so far."""
        self.settle(self.predicted)
        with suppress(StagenormError):
            self._do(act, which)
        self.settle()
        # What is left for the runner now. Pausing does not stop the batch that it has; others may have taken the rest.
        is_paused, self.model.is_paused = self.model.is_paused or act == "pause", False
        self.predicted = self.model.predict(plan=None, scope=EVERYTHING, vocabulary=self.vocabulary)
        self.model.is_paused = is_paused
        self.is_disturbed = True

    def _do(self, act: str, which: int) -> None:
        key = self.row(which)
        match act:
            case "update" if key is not None:
                self.others(f"UPDATE {key[0]} SET stage = 'Series B' WHERE id = %s", key[1])
            case "delete" if key is not None:
                self.others(f"DELETE FROM {key[0]} WHERE id = %s", key[1])
            case "cancel":
                plan = choose([plan.id for plan in self.model.plans.values() if plan.status == "open"], which)
                cancel_plan(self.world.database, plan or 99)
            case "pause":
                set_paused(self.world.database, paused=True, reason=None, changed_by="operator")
            case "plan":
                self.record(EVERYTHING, TABLES, 2)
            case "roll back":
                self.undo("all of it", which, EVERYTHING, is_applied=False)
            case "second runner":
                self.apply()

    @deed(is_on=st.booleans())
    def refuse_rows(self, is_on: bool) -> str:
        """From now on a trigger refuses every third row, or no longer."""
        self.set_refusing(is_on=is_on)
        return DONE
