-- Mark the batch that comes next as running on this worker, in the message of the batch before it. Informational, as every
-- claim: the next message locks the batch, and checks again whether it may run.
-- Guarantees: waits for no lock, because the batch before it has row locks. Claims only a batch that was never claimed, so
-- that release_claim can undo it, and none while all work is paused. Returns the pace that is set for all runners, or
-- nothing if the batch was not claimed.
WITH free AS MATERIALIZED (
    SELECT batch_id
    FROM stage_migration_batches
    WHERE batch_id = %(next_id)s AND status = 'pending' AND pg_try_advisory_xact_lock(%(lock_class)s, %(next_id)s::integer)
    FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE stage_migration_batches b
SET status = 'running', worker = %(worker)s, attempts = attempts + 1, started_at = clock_timestamp(),
    updated_at = clock_timestamp()
FROM free, stage_migration_control c
WHERE b.batch_id = free.batch_id AND NOT c.paused
RETURNING c.sleep_ms, c.target_ms, c.parallel;
