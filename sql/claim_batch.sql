-- Say that this worker takes the batch. Information for people: exclusivity comes from the advisory lock.
-- Promise: takes a pending or failed batch, or a running one (whose lock the caller has just found free).
UPDATE stage_migration_batches
SET status = 'running', worker = %(worker)s, attempts = attempts + 1, started_at = clock_timestamp(), updated_at = clock_timestamp()
WHERE batch_id = %(batch_id)s AND status IN ('pending', 'running', 'failed');
