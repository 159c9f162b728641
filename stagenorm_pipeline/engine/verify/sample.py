"""A uniform random sample of the audited changes, the same for the same seed over the same data. Reads only."""

import math
from random import Random

from stagenorm_pipeline.engine.verify.audit_log import AuditLog
from stagenorm_pipeline.engine.verify.result import SampleRow
from stagenorm_pipeline.engine.verify.snapshot import Snapshot

# Looking up as many ids takes as long as one pass over ten million log rows.
MOST_DRAWN = 200_000


def read_sample(snapshot: Snapshot, log: AuditLog, size: int, seed: int) -> tuple[SampleRow, ...]:
    """`size` of the log's judged entries, each with the same chance, and what their rows hold now."""
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
    """Ids drawn with equal chances, enough of them to hit `size` entries; none where that would take too many.

    The log's ids have gaps, and the entries of other scopes between them. Drawing again until one fits gives every
    entry the same chance, for the price of a few look-ups: ordering ten million entries by a hash takes seconds.
    """
    entries = log.entries
    span = entries.last_id - entries.first_id + 1
    if size * 2 > entries.count:
        return []
    # So many that they fall short once in a thousand times or less; then the log is ordered after all.
    tries = math.ceil((size + 4 * math.sqrt(size) + 10) * span / entries.count * 1.5)
    if tries > MOST_DRAWN:
        return []
    # Random.random is the one method whose sequence Python promises never to change.
    random = Random(seed)  # noqa: S311 - a sample, no secret
    return list(dict.fromkeys(entries.first_id + int(random.random() * span) for _ in range(tries)))
