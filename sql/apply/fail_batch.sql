-- Mark a batch as failed after its transaction was rolled back as a whole. Its counts stay; the error is kept to be shown.
-- Guarantees: does not touch a batch that another runner has finished since.
UPDATE stage_migration_batches
SET status = 'failed', error_message = %(error_message)s, updated_at = clock_timestamp()
WHERE batch_id = %(batch_id)s AND status = 'running' AND worker = %(worker)s;
