"""A thousand kills or more, at random failpoints and in random ways, several per migration.

STAGENORM_SOAK_KILLS and STAGENORM_SOAK_SEED set how many and which. `test_kills` is the short form.
"""

import os
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import pytest

from stagenorm_pipeline.engine.postgres.failpoints import Failpoint
from stagenorm_pipeline_tests.support import engine_calls as work
from stagenorm_pipeline_tests.support.application import Application
from stagenorm_pipeline_tests.support.blocked_program import BlockedProgram, Stop, Work
from stagenorm_pipeline_tests.support.crashes_and_sessions import ONCE, crash, kill_backends, resume, wait_until_gone
from stagenorm_pipeline_tests.support.private_server import PrivateServer
from stagenorm_pipeline_tests.support.safety_laws import Undisturbed, broken_laws, broken_laws_of_rollback

# How often a migration comes by, where that is less than a few times.
_ARRIVALS = {**dict.fromkeys(ONCE, 1), Failpoint.PLAN_BASELINE_RECORDED: 2}
_MOST_KILLS_A_PHASE = 12
# Longer than a whole migration of the small portfolio takes, so that some of these kills come too late.
_LONGEST_LIFE_S = 0.25
# How often a program starts over with a new plan or rollback instead of going on.
_STARTS_OVER = 0.3
# How often another runner is at work when it is killed.
_BESIDE_ANOTHER = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class _Phase:
    """A migration or a rollback: what starts it, what resumes it, the prefix of its failpoints, and its laws."""

    start: Work
    go_on: Work
    recording: str
    laws: Callable[[Application, Undisturbed], list[str]]

    def steps(self) -> list[Failpoint]:
        return [step for step in Failpoint if step.startswith((self.recording, "apply."))]


_THERE = _Phase(start=work.migrate, go_on=work.resume_or_migrate, recording="plan.", laws=broken_laws)
_BACK = _Phase(
    start=work.roll_back, go_on=work.resume_or_roll_back, recording="rollback.", laws=broken_laws_of_rollback
)


class Way(StrEnum):
    """What is killed."""

    PROGRAM = "SIGKILL"
    ANY_INSTANT = "SIGKILL, any instant"
    BACKENDS = "its backends"
    SERVER = "the server"
    SERVER_AND_PROGRAM = "server and SIGKILL"


_WEIGHTS = {Way.PROGRAM: 60, Way.ANY_INSTANT: 15, Way.BACKENDS: 18, Way.SERVER: 4, Way.SERVER_AND_PROGRAM: 3}


class _Soak:
    """One migration after another, each killed several times, until the kills are used up."""

    def __init__(self, server: PrivateServer, undisturbed: Undisturbed, seed: int) -> None:
        self._server = server
        self._undisturbed = undisturbed
        self._random = random.Random(seed)  # noqa: S311 - reproducible
        self.kills: Counter[tuple[str, Way]] = Counter()
        self.broken: list[str] = []
        self.migrations = 0
        self.beside_another = 0

    def migrate(self) -> None:
        """A migration and, every second time, its rollback."""
        url = self._server.create_database(template="small_portfolio")
        application = Application(url)
        self.migrations += 1
        for phase in (_THERE, _BACK)[: self._random.randint(1, 2)]:
            for _ in range(self._random.randint(1, _MOST_KILLS_A_PHASE)):
                if not self._disturb(application, phase):
                    break
            resume(application, phase.go_on)
            broken = phase.laws(application, self._undisturbed)
            self.broken += [f"migration {self.migrations}, {phase.recording}: {law}" for law in broken]
            application.database.close()
        application.close()
        self._server.drop_database(url)

    def _disturb(self, application: Application, phase: _Phase) -> bool:
        """Start a program and kill it. Returns False if it ended before that."""
        wait_until_gone(application)
        way = self._random.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
        stop = None if way is Way.ANY_INSTANT else self._stop(phase)
        starts_over = stop.step.startswith(phase.recording) if stop else self._random.random() < _STARTS_OVER
        with BlockedProgram(application.url, phase.start if starts_over else phase.go_on, stop) as program:
            if stop is None:
                time.sleep(self._random.uniform(0, _LONGEST_LIFE_S))
                is_in_time = program.is_alive()
            else:
                is_in_time = program.comes_to_its_stop()
            if is_in_time:
                self.kills[stop.step if stop else "-", way] += 1
                self._kill(way, program, application)
        return is_in_time

    def _stop(self, phase: _Phase) -> Stop:
        step = self._random.choice(phase.steps())
        return Stop(step=step, arrival=self._random.randint(1, _ARRIVALS.get(step, 6)))

    def _kill(self, way: Way, program: BlockedProgram, application: Application) -> None:
        if self._random.random() >= _BESIDE_ANOTHER:
            self._strike(way, program, application)
            return
        self.beside_another += 1
        with BlockedProgram(application.url, work.apply) as other:
            self._strike(way, program, application)
            self._expect_good_end(other)

    def _strike(self, way: Way, program: BlockedProgram, application: Application) -> None:
        match way:
            case Way.PROGRAM | Way.ANY_INSTANT:
                program.kill()
            case Way.BACKENDS:
                kill_backends(application)
            case Way.SERVER:
                crash(self._server, application)
            case Way.SERVER_AND_PROGRAM:
                program.freeze()
                crash(self._server, application)
                program.kill()
        if way in (Way.BACKENDS, Way.SERVER):
            program.go_on()
            self._expect_good_end(program)

    def _expect_good_end(self, program: BlockedProgram) -> None:
        """Whoever lives on ends well, or says that the connection was lost and that nothing else was."""
        error = program.outcome().error
        if error is not None and "nothing is lost, run the same command again" not in error:
            self.broken.append(f"migration {self.migrations}: a survivor ended with {error}")

    def table(self) -> str:
        steps = sorted({step for step, _ in self.kills})
        lines = ["".join(["step".ljust(28), *(way.rjust(22) for way in Way), "all".rjust(8)])]
        for step in steps:
            counts = [self.kills[step, way] for way in Way]
            lines.append("".join([step.ljust(28), *(str(n).rjust(22) for n in counts), str(sum(counts)).rjust(8)]))
        total = [sum(n for (_, w), n in self.kills.items() if w is way) for way in Way]
        lines.append("".join(["all".ljust(28), *(str(n).rjust(22) for n in total), str(self.kills.total()).rjust(8)]))
        return "\n".join(
            [
                *lines,
                f"{self.beside_another} of them beside another runner; "
                f"{self.migrations} migrations, laws broken: {len(self.broken)}",
            ]
        )


@pytest.mark.soak
def test_thousand_kills_lose_nothing(
    server: PrivateServer, undisturbed: Undisturbed, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = int(os.environ.get("STAGENORM_SOAK_KILLS", "1000"))
    seed = int(os.environ.get("STAGENORM_SOAK_SEED", "20251030"))
    soak = _Soak(server, undisturbed, seed)
    started = time.monotonic()
    while soak.kills.total() < wanted:
        soak.migrate()
    with capsys.disabled():
        print(f"\n{soak.table()}\nseed {seed}, {time.monotonic() - started:.0f} s")  # noqa: T201 - the soak's result
    assert soak.broken == []
