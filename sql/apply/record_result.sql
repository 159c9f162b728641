-- Record the result of a batch and the receipt of this attempt, in the transaction that changed its rows. The batch's
-- duration is the share of its rows in the transaction's time.
-- `rows_...` are the totals of all attempts; `attempt_...` and the log ids belong to this attempt.
WITH recorded AS (
    UPDATE stage_migration_batches
    SET status = %(status)s, worker = %(worker)s,
        rows_updated = %(rows_updated)s, rows_skipped = %(rows_skipped_changed)s + %(rows_skipped_deleted)s,
        rows_skipped_changed = %(rows_skipped_changed)s, rows_skipped_deleted = %(rows_skipped_deleted)s,
        rows_failed = %(rows_failed)s, error_message = %(error_message)s,
        completed_at = clock_timestamp(), updated_at = clock_timestamp(),
        duration_ms = (extract(epoch FROM clock_timestamp() - now()) * 1000 * rows_planned / %(group_rows)s)::bigint
    WHERE batch_id = %(batch_id)s
    RETURNING *
), entries AS (
    SELECT {log_sha256} AS log_sha256
    FROM stage_normalization_log
    WHERE id BETWEEN %(first_log_id)s AND %(last_log_id)s AND batch_id = %(batch_id)s
), receipt AS (
    INSERT INTO stage_migration_receipts
        (plan_id, batch_id, attempt, action, schema_name, table_name, column_name, fund_id,
         rows_planned, rows_updated, rows_skipped, rows_failed, first_log_id, last_log_id, log_sha256)
    SELECT plan_id, batch_id, attempts, %(action)s, schema_name, table_name, column_name, fund_id,
           rows_planned, %(attempt_updated)s, %(attempt_skipped)s, %(attempt_failed)s,
           %(first_log_id)s, %(last_log_id)s, log_sha256
    FROM recorded CROSS JOIN entries
)
SELECT duration_ms FROM recorded;
