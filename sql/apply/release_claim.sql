-- Undo claim_ahead for a batch that this worker does not start now.
-- Guarantees: does not touch a batch that another runner has claimed since.
UPDATE stage_migration_batches
SET status = 'pending', worker = NULL, attempts = attempts - 1, started_at = NULL, updated_at = clock_timestamp()
WHERE batch_id = %(batch_id)s AND status = 'running' AND worker = %(worker)s AND rows_updated IS NULL;
