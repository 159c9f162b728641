-- Record the batches of which apply_rows did not update every row, because others were changed or deleted since the plan.
-- For most transactions there are none. Of batches that were never tried, so that every entry of theirs is of this transaction.
-- Guarantees: as record_result, the result and its receipt are recorded together. Ends the transaction with an error if a
-- row still holds its spelling: a trigger suppressed its update, so it is refused. Returns one row per recorded batch.
WITH incomplete AS MATERIALIZED (
    SELECT batch_id, rows_planned
    FROM stage_migration_batches
    WHERE batch_id = ANY (%(batch_ids)s::bigint[]) AND status <> 'completed'
), members AS (
    SELECT i.batch_id, {key} IS NULL AS is_deleted, {stage} = s.spelling AS is_suppressed
    FROM incomplete i
    JOIN stage_migration_batch_members b USING (batch_id)
    CROSS JOIN LATERAL unnest(b.{member_column}, b.spelling_ids) AS m (row_key, spelling_id)
    JOIN stage_migration_spellings s ON s.spelling_id = m.spelling_id
    LEFT JOIN {table} AS t ON {key} = m.row_key::{key_type}
), unchanged AS (
    SELECT batch_id, count(*) FILTER (WHERE is_deleted) AS deleted, count(*) FILTER (WHERE is_suppressed) AS suppressed
    FROM members
    GROUP BY batch_id
), entries AS (
    SELECT l.batch_id, count(*) AS updated, min(l.id) AS first_log_id, max(l.id) AS last_log_id, {log_sha256} AS log_sha256
    FROM incomplete i
    JOIN stage_normalization_log l ON l.plan_id = %(plan_id)s AND l.batch_id = i.batch_id
    GROUP BY l.batch_id
), counts AS MATERIALIZED (
    SELECT i.batch_id, coalesce(e.updated, 0) AS updated, u.deleted,
           i.rows_planned - coalesce(e.updated, 0) - u.deleted AS changed, e.first_log_id, e.last_log_id,
           coalesce(e.log_sha256, sha256('')) AS log_sha256,
           CASE WHEN u.suppressed = 0 THEN 0 ELSE concat('stagenorm: suppressed updates: ', u.suppressed)::integer END AS failed
    FROM incomplete i
    JOIN unchanged u USING (batch_id)
    LEFT JOIN entries e USING (batch_id)
), recorded AS (
    UPDATE stage_migration_batches b
    SET status = 'completed', worker = %(worker)s, rows_updated = c.updated, rows_skipped = c.changed + c.deleted,
        rows_skipped_changed = c.changed, rows_skipped_deleted = c.deleted, rows_failed = c.failed, error_message = NULL,
        completed_at = clock_timestamp(), updated_at = clock_timestamp(),
        duration_ms = (extract(epoch FROM clock_timestamp() - now()) * 1000 * b.rows_planned / %(group_rows)s)::bigint
    FROM counts c
    WHERE b.batch_id = c.batch_id
    RETURNING b.batch_id, b.attempts, b.rows_planned, b.duration_ms
), receipts AS (
    INSERT INTO stage_migration_receipts
        (plan_id, batch_id, attempt, action, schema_name, table_name, column_name, fund_id,
         rows_planned, rows_updated, rows_skipped, rows_failed, first_log_id, last_log_id, log_sha256)
    SELECT %(plan_id)s, batch_id, attempts, %(action)s, %(schema_name)s, %(table_name)s, %(column_name)s, %(fund_id)s,
           rows_planned, updated, changed + deleted, 0, first_log_id, last_log_id, log_sha256
    FROM recorded JOIN counts USING (batch_id)
)
SELECT batch_id, updated, changed, deleted, first_log_id, last_log_id, duration_ms FROM recorded JOIN counts USING (batch_id);
