-- A batch whose transaction was rolled back as a whole: its counts stay as they were, the error is kept for people.
-- Promise: does not touch a batch that somebody else has finished meanwhile.
UPDATE stage_migration_batches
SET status = 'failed', error_message = %(error_message)s, updated_at = clock_timestamp()
WHERE batch_id = %(batch_id)s AND status = 'running' AND worker = %(worker)s;
