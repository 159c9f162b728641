-- The result of a batch, in the transaction that changed its rows; of the transaction's time, the share of its rows.
UPDATE stage_migration_batches
SET status = %(status)s, worker = %(worker)s,
    rows_updated = %(rows_updated)s, rows_skipped = %(rows_skipped_changed)s + %(rows_skipped_deleted)s,
    rows_skipped_changed = %(rows_skipped_changed)s, rows_skipped_deleted = %(rows_skipped_deleted)s,
    rows_failed = %(rows_failed)s, error_message = %(error_message)s,
    completed_at = clock_timestamp(), updated_at = clock_timestamp(),
    duration_ms = (extract(epoch FROM clock_timestamp() - now()) * 1000 * rows_planned / %(group_rows)s)::bigint
WHERE batch_id = %(batch_id)s
RETURNING duration_ms;
