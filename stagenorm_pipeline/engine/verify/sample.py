"""Draw a uniform random sample of the audited changes. The same seed over the same data draws the same rows."""

import math
from random import Random

from stagenorm_pipeline.engine.verify.audit_log import AuditLog
from stagenorm_pipeline.engine.verify.result import SampleRow
from stagenorm_pipeline.engine.verify.snapshot import Snapshot

# Looking up this many ids takes as long as one pass over ten million log rows.
MOST_DRAWN = 200_000


def read_sample(snapshot: Snapshot, log: AuditLog, size: int, seed: int) -> tuple[SampleRow, ...]:
    """Draw `size` of the judged log entries, each with the same chance, and read what their rows hold now."""
    if size == 0 or not log.entries.count:
        return ()
    values = {"size": size, "seed": seed}
    places = {drawn: place for place, drawn in enumerate(_drawn(log, size, seed))}
    entries = snapshot.rows("verify/sample_drawn", {**values, "ids": list(places)}) if places else []
    entries = sorted(entries, key=lambda row: places[row.audit_id])[:size]
    if len(entries) < size:
        entries = snapshot.rows("verify/sample", values)
    stages: dict[tuple[str, str], str | None] = {}
    for target in snapshot.targets:
        row_ids = [row.row_id for row in entries if row.target == target.name]
        if row_ids:
            parts = ("key", "key_type", "table", "stage")
            for row in snapshot.target_rows("verify/sample_stages", target, parts, {"row_ids": row_ids}):
                stages[target.name, row.row_id] = row.stage_now
    return tuple(
        SampleRow(
            target=row.target,
            fund_id=row.fund_id,
            row_id=row.row_id,
            audit_id=row.audit_id,
            stage_before=row.stage_before,
            stage_after=row.stage_after,
            exists=(row.target, row.row_id) in stages,
            stage_now=stages.get((row.target, row.row_id)),
            run_at=row.run_at,
            action=row.action,
        )
        for row in entries
    )


def _drawn(log: AuditLog, size: int, seed: int) -> list[int]:
    """Draw enough ids with equal chances to hit `size` entries. Returns none if that needs too many.

    The log's ids have gaps, and entries of other scopes lie between them. Drawing ids until enough of them fit gives
    every entry the same chance and costs a few look-ups. Ordering ten million entries by a hash takes seconds.
    """
    entries = log.entries
    span = entries.last_id - entries.first_id + 1
    if size * 2 > entries.count:
        return []
    # So many that they are too few at most once in a thousand times. Then the whole log is ordered instead.
    tries = math.ceil((size + 4 * math.sqrt(size) + 10) * span / entries.count * 1.5)
    if tries > MOST_DRAWN:
        return []
    # Python promises that the sequence of Random.random never changes, and of no other method.
    random = Random(seed)  # noqa: S311 - a sample, no secret
    return list(dict.fromkeys(entries.first_id + int(random.random() * span) for _ in range(tries)))
