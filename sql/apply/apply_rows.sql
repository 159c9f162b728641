-- Update the rows of batches that still hold the spelling that the plan saw, log each change, and record the results.
-- Guarantees: compare and set on the stored bytes; one audit row per changed row, in the same transaction. Returns one row
-- per batch.
-- Several batches have the same plan, target and fund, and share a transaction (`group_rows` in total).
-- `places` NULL: whole batches; else only the members at those places. `rewritten` counts the rows in which a trigger
-- stored something else than what was written. The result and its receipt are recorded here (`duration_ms` not NULL) only
-- if every row of the batch was updated: this saves a statement for nearly every batch. `worker` NULL: record nothing,
-- because the caller looks for refused rows or rehearses. `is_guarded`: a rewritten row ends the transaction with an error.
-- `is_complete`: so does a row that was not updated.
WITH members AS MATERIALIZED (
    {members}
    -- The joins above lose the order by key. With it, each page of a table larger than memory is read once, and not once
    -- per spelling, and all runners lock rows in the same order.
    ORDER BY row_key
), {changed}, entries AS (
    SELECT batch_id, count(*) AS updated, min(id) AS first_log_id, max(id) AS last_log_id, {log_sha256} AS log_sha256
    FROM audited
    GROUP BY batch_id
), counts AS MATERIALIZED (
    SELECT batch_id, coalesce(m.attempted, 0) AS attempted, coalesce(updated, 0) AS updated,
           coalesce(c.rewritten, 0) AS rewritten, first_log_id, last_log_id, log_sha256
    FROM unnest(%(batch_ids)s::bigint[]) AS batches (batch_id)
    LEFT JOIN (SELECT batch_id, count(*) AS attempted FROM members GROUP BY batch_id) AS m USING (batch_id)
    LEFT JOIN entries USING (batch_id)
    LEFT JOIN (SELECT batch_id, count(*) AS rewritten FROM changed
               WHERE stored IS DISTINCT FROM stage_after GROUP BY batch_id) AS c USING (batch_id)
), recorded AS (
    UPDATE stage_migration_batches b
    SET status = 'completed', worker = %(worker)s, rows_updated = counts.updated,
        rows_skipped = 0, rows_skipped_changed = 0, rows_skipped_deleted = 0, rows_failed = 0, error_message = NULL,
        completed_at = clock_timestamp(), updated_at = clock_timestamp(),
        duration_ms = (extract(epoch FROM clock_timestamp() - now()) * 1000 * b.rows_planned / %(group_rows)s)::bigint
    FROM counts
    WHERE b.batch_id = counts.batch_id AND %(places)s::bigint[] IS NULL AND %(worker)s::text IS NOT NULL
      AND counts.updated = b.rows_planned
    RETURNING b.batch_id, b.attempts, b.rows_planned, b.duration_ms
), receipts AS (
    INSERT INTO stage_migration_receipts
        (plan_id, batch_id, attempt, action, schema_name, table_name, column_name, fund_id,
         rows_planned, rows_updated, rows_skipped, rows_failed, first_log_id, last_log_id, log_sha256)
    SELECT %(plan_id)s, batch_id, attempts, %(action)s, %(schema_name)s, %(table_name)s, %(column_name)s, %(fund_id)s,
           rows_planned, updated, 0, 0, first_log_id, last_log_id, log_sha256
    FROM recorded JOIN counts USING (batch_id)
)
SELECT batch_id, attempted, updated, first_log_id, last_log_id, duration_ms,
       CASE WHEN rewritten > 0 AND %(is_guarded)s THEN concat('stagenorm: rewritten rows: ', rewritten)::integer
            WHEN recorded.batch_id IS NULL AND %(is_complete)s THEN concat('stagenorm: incomplete batch: ', batch_id)::integer
            ELSE rewritten END AS rewritten
FROM counts LEFT JOIN recorded USING (batch_id);
