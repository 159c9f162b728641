-- Read examples of batches with a problem: failed ones with their refused rows first, then pending and running ones, and
-- batches with wrong counts or a wrong status.
SELECT b.batch_id, p.kind, b.status, concat_ws('.', b.schema_name, b.table_name, b.column_name) AS target, b.fund_id,
       b.rows_planned, b.error_message, {wrong_status} AS is_wrong_status, q.row_id, q.stage_before, q.stage_after, q.error_message AS row_error
FROM stage_migration_batches b
JOIN stage_migration_plans p USING (plan_id)
LEFT JOIN stage_migration_quarantine q ON q.batch_id = b.batch_id AND q.resolved_at IS NULL AND b.status = 'failed'
WHERE b.plan_id = ANY (%(plans)s::bigint[])
  AND concat_ws('.', b.schema_name, b.table_name, b.column_name) = ANY (%(targets)s::text[])
  AND (%(all_funds)s OR b.fund_id IS NOT DISTINCT FROM %(fund_id)s::text)
  AND (b.status IN ('failed', 'pending', 'running')
       OR b.status = 'completed' AND b.rows_updated IS NULL
       OR b.rows_updated + b.rows_skipped + b.rows_failed <> b.rows_planned
       OR {wrong_status})
ORDER BY (b.status = 'failed') DESC, b.batch_id, q.quarantine_id
LIMIT %(shown)s;
