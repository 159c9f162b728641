"""Random histories of commands, users, crashes and tampering, checked against the model.

`make test` runs a few, always the same. `make soak` runs thousands: STAGENORM_HISTORIES sets how many,
STAGENORM_HISTORIES_MINUTES for how long at most, and STAGENORM_HISTORIES_SEED the first seed. With
STAGENORM_HISTORIES_HUNT=1 a broken law does not stop the run; at the end you see in which history each broke first.
"""

import os
import random
import sys
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from stagenorm_pipeline_tests.histories.actors import DEEDS
from stagenorm_pipeline_tests.histories.census import Census
from stagenorm_pipeline_tests.histories.machine import Histories
from stagenorm_pipeline_tests.histories.scripted import SCRIPTS
from stagenorm_pipeline_tests.histories.world import World

_SHORT_RUN = 10
_LONG_RUN = 3_000
_MOST_MINUTES = 10
_ENOUGH_FOR_ALL = 1_000
_STEPS = 16
# Each seed is a run of so many histories: a failure is found again in seconds.
_ROUND = 10
_SETTINGS: dict[str, Any] = {
    "stateful_step_count": _STEPS,
    "deadline": None,
    "database": None,
    "suppress_health_check": list(HealthCheck),
}


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stagenorm_pipeline.engine.postgres.retry._FIRST_WAIT_S", 0.001)
    monkeypatch.setattr("stagenorm_pipeline.engine.apply.pause._POLL_S", 0.001)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _machine(world: World, census: Census, *, is_hunting: bool = False) -> type[Histories]:
    values = {"world": world, "census": census, "is_hunting": is_hunting}
    return type("Histories", (Histories,), values)


def test_short_histories_keep_every_law(world: World) -> None:
    census = Census()
    run_state_machine_as_test(
        _machine(world, census),
        settings=settings(max_examples=_SHORT_RUN, derandomize=True, **_SETTINGS),
    )


def test_scripted_histories_reach_every_command_and_status(world: World) -> None:
    census = Census()
    for script in SCRIPTS:
        history = _machine(world, census)()
        script(history)
        history.teardown()
    assert not census.never(DEEDS), census.never(DEEDS)


@pytest.mark.soak
def test_thousands_of_histories_keep_every_law_and_reach_everything(world: World) -> None:
    census = Census()
    is_hunting = bool(os.environ.get("STAGENORM_HISTORIES_HUNT"))
    first_seed = int(os.environ.get("STAGENORM_HISTORIES_SEED") or random.randrange(1_000_000))  # noqa: S311
    wanted = int(os.environ.get("STAGENORM_HISTORIES") or _LONG_RUN)
    started = time.monotonic()
    end = started + 60 * float(os.environ.get("STAGENORM_HISTORIES_MINUTES") or _MOST_MINUTES)
    _say(f"\nSTAGENORM_HISTORIES_SEED={first_seed}")
    number = first_seed
    try:
        while census.histories < wanted and time.monotonic() < end:
            machine = seed(number)(_machine(world, census, is_hunting=is_hunting))
            _say(f"seed {number}: from history {census.histories + 1:,} on")
            phases = (Phase.generate,) if is_hunting else (Phase.generate, Phase.shrink)
            run_state_machine_as_test(
                machine,
                settings=settings(
                    max_examples=min(_ROUND, wanted), phases=phases, verbosity=Verbosity.normal, **_SETTINGS
                ),
            )
            number += 1
    finally:
        seconds = time.monotonic() - started
        _say(census.table())
        _say(f"{seconds:.0f} s, {census.histories / seconds:.1f} histories a second")
        _say(census.findings())
    # Fewer may miss a rare one by chance; the scripted histories reach all in any case.
    if not is_hunting and census.histories >= _ENOUGH_FOR_ALL:
        assert not census.never(DEEDS), census.never(DEEDS)
