"""Throttle while a replica that the primary lists (`pg_stat_replication`) is too far behind, in time or in bytes."""

from collections import Counter

from stagenorm_pipeline.config.throttle import ThrottlerName, ThrottleSettings
from stagenorm_pipeline.engine.throttle.lag_bounds import LagBounds
from stagenorm_pipeline.engine.throttle.lag_clock import LagClock
from stagenorm_pipeline.engine.throttle.probe import Reading, Replica
from stagenorm_pipeline.engine.throttle.throttler import CannotSeeError


class ReplicaLag:
    """Watch every physical replica of the primary. A replica that was seen once must stay connected.

    After a failover one replica is the new primary, and its name is not known. If all replicas but one are connected,
    the missing one is the new primary.
    """

    name = ThrottlerName.REPLICA_LAG
    is_required = False

    def __init__(self, settings: ThrottleSettings) -> None:
        self._settings = settings
        self._clock = LagClock()
        self._bounds: dict[tuple[str, int], LagBounds] = {}
        # The number of replicas of each name when it was first seen. More of that name later may be one reconnecting.
        self._expected: Counter[str] = Counter()
        self._timeline: int | None = None
        self._one_is_the_primary = False

    def reason(self, reading: Reading, table: str) -> str | None:  # noqa: ARG002 - lag has no table
        self._clock.note(reading.at, reading.written)
        self._note_failover(reading.timeline)
        if any(replica.replayed is None for replica in reading.replicas):
            raise CannotSeeError(
                f"replicas are connected ({len(reading.replicas)}), but this role may not see how far behind they are",
                "GRANT pg_monitor to this role, or name the replicas in STAGENORM_REPLICA_URLS, or use --no-lag-check",
            )
        present = Counter(replica.name for replica in reading.replicas)
        self._require_connected(present)
        # After a failover to the only replica it is normal that no replica is connected.
        if not reading.replicas and not self._bounds:
            raise CannotSeeError(
                "no replica is connected to this server",
                "nothing, if there is no replica; name replicas that do not stream from this server in "
                "STAGENORM_REPLICA_URLS; --no-lag-check removes this line",
                is_wrong=False,
            )
        self._expected = Counter({**present, **self._expected})
        return "; ".join(filter(None, self._reasons(reading))) or None

    def _note_failover(self, timeline: int | None) -> None:
        if timeline is None:
            return
        if self._timeline is not None and timeline > self._timeline:
            self._one_is_the_primary = True
        self._timeline = timeline

    def _require_connected(self, present: Counter[str]) -> None:
        """Raise CannotSeeError if a replica is no longer connected."""
        missing = self._expected - present
        if self._one_is_the_primary and missing.total() <= 1:
            self._one_is_the_primary = False
            self._expected -= missing
            return
        if missing:
            names = ", ".join(missing.elements())
            is_one_here = "; one of them may be the primary now" if self._one_is_the_primary else ""
            raise CannotSeeError(
                f"replica {names} was connected and no longer is{is_one_here}",
                "reconnect it or, if it was removed for good, stop this run and continue with `stagenorm resume`",
            )

    def _reasons(self, reading: Reading) -> list[str | None]:
        numbers: Counter[str] = Counter()
        reasons = []
        for replica in sorted(reading.replicas, key=lambda replica: replica.replayed or 0):
            numbers[replica.name] += 1
            bounds = self._bounds.setdefault((replica.name, numbers[replica.name]), LagBounds(self._settings))
            reasons.append(bounds.reason(replica.name, self._behind_s(reading, replica), _behind(reading, replica)))
        return reasons

    def _behind_s(self, reading: Reading, replica: Replica) -> float:
        if _behind(reading, replica) == 0:
            return 0.0  # PostgreSQL still reports the lag of the last record that was replayed
        return max(replica.lag_s or 0.0, self._clock.behind_s(reading.at, replica.replayed or 0))

    def close(self) -> None:
        """Nothing to close."""


def _behind(reading: Reading, replica: Replica) -> int:
    return max(0, reading.written - (replica.replayed or 0))
