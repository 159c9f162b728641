-- Say that this worker takes the batches. Information for people: exclusivity comes from the advisory locks.
-- Promise: takes pending or failed batches, or running ones, and only up to the first whose lock is not free; releases
-- the locks at the commit.
WITH held AS MATERIALIZED (
    SELECT batch_id, place, pg_try_advisory_xact_lock(%(lock_class)s, batch_id::integer) AS is_ours
    FROM unnest(%(batch_ids)s::bigint[]) WITH ORDINALITY AS wanted (batch_id, place)
), ours AS (
    SELECT batch_id, bool_and(is_ours) OVER (ORDER BY place) AS is_ours FROM held
)
UPDATE stage_migration_batches b
SET status = 'running', worker = %(worker)s, attempts = attempts + 1, started_at = clock_timestamp(), updated_at = clock_timestamp()
FROM ours
WHERE b.batch_id = ours.batch_id AND ours.is_ours AND b.status IN ('pending', 'running', 'failed')
RETURNING b.batch_id;
