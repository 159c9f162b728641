"""Holds while a replica that the primary knows (`pg_stat_replication`) is too far behind, by time or by bytes."""

from collections import Counter

from stagenorm_pipeline.config.throttle import ThrottlerName, ThrottleSettings
from stagenorm_pipeline.engine.throttle.lag_bounds import LagBounds
from stagenorm_pipeline.engine.throttle.lag_clock import LagClock
from stagenorm_pipeline.engine.throttle.probe import Reading, Replica
from stagenorm_pipeline.engine.throttle.throttler import CannotSeeError


class ReplicaLag:
    """Watches every physical replica connected to the primary; each that was ever seen has to stay in sight.

    But for one after a failover: that one is the primary now, and is not told by name. When all others are in sight, it
    is the one that is not.
    """

    name = ThrottlerName.REPLICA_LAG
    is_asked_for = False

    def __init__(self, settings: ThrottleSettings) -> None:
        self._settings = settings
        self._clock = LagClock()
        self._bounds: dict[tuple[str, int], LagBounds] = {}
        # How many replicas of a name there were when it was first seen; later ones may be the same one reconnecting.
        self._expected: Counter[str] = Counter()
        self._timeline: int | None = None
        self._one_is_the_primary = False

    def look(self, reading: Reading, table: str) -> str | None:  # noqa: ARG002 - lag has no table
        self._clock.note(reading.at, reading.written)
        self._note_failover(reading.timeline)
        if any(replica.replayed is None for replica in reading.replicas):
            raise CannotSeeError(
                f"{len(reading.replicas)} replica(s) are connected, but this role may not see how far behind they are",
                "GRANT pg_monitor to this role, or name the replicas in STAGENORM_REPLICA_URLS, or say --no-lag-check",
            )
        present = Counter(replica.name for replica in reading.replicas)
        self._require(present)
        # After a failover to the only replica there is none, and nothing is wrong with that.
        if not reading.replicas and not self._bounds:
            raise CannotSeeError(
                "no replica is connected to this server",
                "nothing, where there is none; those that are fed another way can be named in STAGENORM_REPLICA_URLS; "
                "--no-lag-check takes this line away",
                is_wrong=False,
            )
        self._expected = Counter({**present, **self._expected})
        return "; ".join(filter(None, self._verdicts(reading))) or None

    def _note_failover(self, timeline: int | None) -> None:
        if timeline is None:
            return
        if self._timeline is not None and timeline > self._timeline:
            self._one_is_the_primary = True
        self._timeline = timeline

    def _require(self, present: Counter[str]) -> None:
        """Raise CannotSeeError for a replica that is not in sight any more."""
        missing = self._expected - present
        if self._one_is_the_primary and missing.total() <= 1:
            self._one_is_the_primary = False
            self._expected -= missing
            return
        if missing:
            names = ", ".join(missing.elements())
            is_one_here = "; one of them may be the primary now" if self._one_is_the_primary else ""
            raise CannotSeeError(
                f"replica {names} was connected and is not any more{is_one_here}",
                "bring it back or, if it was taken away for good, stop this run and go on with `stagenorm resume`",
            )

    def _verdicts(self, reading: Reading) -> list[str | None]:
        numbers: Counter[str] = Counter()
        verdicts = []
        for replica in sorted(reading.replicas, key=lambda replica: replica.replayed or 0):
            numbers[replica.name] += 1
            bounds = self._bounds.setdefault((replica.name, numbers[replica.name]), LagBounds(self._settings))
            verdicts.append(bounds.take(replica.name, self._behind_s(reading, replica), _behind(reading, replica)))
        return verdicts

    def _behind_s(self, reading: Reading, replica: Replica) -> float:
        if _behind(reading, replica) == 0:
            return 0.0  # what PostgreSQL says then is the lag of the last record it replayed
        return max(replica.lag_s or 0.0, self._clock.behind_s(reading.at, replica.replayed or 0))

    def close(self) -> None:
        """Holds nothing open."""


def _behind(reading: Reading, replica: Replica) -> int:
    return max(0, reading.written - (replica.replayed or 0))
