-- Mark batches as running on this worker. This is informational: the advisory locks ensure exclusivity.
-- Guarantees: claims pending, failed or running batches, and only up to the first whose lock is not free. The commit
-- releases the locks.
WITH locked AS MATERIALIZED (
    SELECT batch_id, place, pg_try_advisory_xact_lock(%(lock_class)s, batch_id::integer) AS is_ours
    FROM unnest(%(batch_ids)s::bigint[]) WITH ORDINALITY AS wanted (batch_id, place)
), ours AS (
    SELECT batch_id, bool_and(is_ours) OVER (ORDER BY place) AS is_ours FROM locked
)
UPDATE stage_migration_batches b
SET status = 'running', worker = %(worker)s, attempts = attempts + 1, started_at = clock_timestamp(), updated_at = clock_timestamp()
FROM ours
WHERE b.batch_id = ours.batch_id AND ours.is_ours AND b.status IN ('pending', 'running', 'failed')
RETURNING b.batch_id;
