"""The pace that is set for all runners takes effect while they work."""

import json

from stagenorm_pipeline.config.auto_batch_size import Pacing
from stagenorm_pipeline.engine.apply.auto_batch_size import Pacer
from stagenorm_pipeline.engine.apply.events import BatchCompleted, Event, Sleeping
from stagenorm_pipeline_tests.support.application import COMPANIES, Application
from stagenorm_pipeline_tests.support.command_line import stagenorm_here


def test_tuning_changes_the_next_batch_of_a_run_and_reset_ends_it(application: Application) -> None:
    application.add(COMPANIES, [(1, "Seed")] * 6)
    application.plan(batch_size=1)
    sleeps: list[int] = []
    commands = {2: ("tune", "--sleep-ms", "2"), 4: ("tune", "--reset")}

    def watch(event: Event) -> None:
        match event:
            case Sleeping(milliseconds=milliseconds):
                sleeps.append(milliseconds)
            case BatchCompleted(batch=batch) if batch.number in commands:
                assert stagenorm_here(*commands[batch.number], url=application.url).code == 0
                status = json.loads(stagenorm_here("status", "--json", url=application.url).out)
                assert status["tuned_sleep_ms"] == (2 if batch.number == 2 else None)

    application.apply(sleep_ms=1, watch=watch)

    # A runner reads the pace with each claim, and has slept by then.
    assert sleeps == [1, 1, 2, 2, 1]
    refused = stagenorm_here("tune", "--reset", "--sleep-ms", "1", url=application.url)
    assert refused.code == 2
    assert "a sleep of 7 ms" not in stagenorm_here("status", url=application.url).out
    stagenorm_here("tune", "--sleep-ms", "7", url=application.url)
    assert "Tuned for all runners: a sleep of 7 ms" in stagenorm_here("status", url=application.url).out


def test_pacer_aims_at_the_new_target_and_back() -> None:
    pacer = Pacer(Pacing(target_ms=400))
    pacer.note(500, 100)
    grown = pacer.rows
    assert grown > 500
    pacer.aim_at(50)
    pacer.note(grown, 100)
    assert pacer.rows < grown
    pacer.aim_at(None)
    for _ in range(20):
        pacer.note(pacer.rows, pacer.rows / 5)
    assert pacer.rows > grown
