-- Say that this worker takes the batch. Information for people: exclusivity comes from the advisory lock.
-- Promise: takes a pending or failed batch, or a running one, and only if its lock is free; releases it at the commit.
WITH held AS MATERIALIZED (SELECT pg_try_advisory_xact_lock(%(lock_class)s, %(batch_id)s::integer) AS is_ours)
UPDATE stage_migration_batches
SET status = 'running', worker = %(worker)s, attempts = attempts + 1, started_at = clock_timestamp(), updated_at = clock_timestamp()
FROM held
WHERE batch_id = %(batch_id)s AND held.is_ours AND status IN ('pending', 'running', 'failed');
