"""Run a throttled migration in a thread and record its events."""

import threading
from types import TracebackType
from typing import Any, Self, TypeVar

from stagenorm_pipeline.config.throttle import ThrottleSettings
from stagenorm_pipeline.engine.apply.events import Event
from stagenorm_pipeline.engine.apply.runner import ApplyRequest, ApplyResult, apply_batches
from stagenorm_pipeline.engine.postgres.connection import Database
from stagenorm_pipeline_tests.support.waiting import wait_until

E = TypeVar("E")


class BackgroundRun:
    """A runner in a thread. The context manager stops it at the end."""

    def __init__(self, url: str, throttle: ThrottleSettings, **asked: Any) -> None:
        self.events: list[Event] = []
        self._database = Database.at(url)
        self._is_to_stop = threading.Event()
        self._results: list[ApplyResult] = []
        self._request = ApplyRequest(
            worker="runner",
            run_by="test",
            throttle=throttle,
            watch=self.events.append,
            should_stop=self._is_to_stop.is_set,
            **{"sleep_ms": 0, **asked},
        )
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        self._results.append(apply_batches(self._database, self._request))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_to_stop.set()
        self._thread.join()
        self._database.close()

    def said(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def says(self, kind: type[E], number: int = 1) -> E:
        """Wait for the n-th event of a kind."""
        wait_until(lambda: len(self.said(kind)) >= number, f"event {number} of {kind.__name__}")
        return self.said(kind)[number - 1]

    def ends(self) -> ApplyResult:
        wait_until(lambda: not self._thread.is_alive(), "the run has ended")
        return self._results[0]
