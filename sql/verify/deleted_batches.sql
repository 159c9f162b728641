-- Find batches that have receipts but were deleted.
-- `is_complete`: the receipts account for every planned row, so the batch had nothing left to do. The runbook deletes
-- failed and pending batches before a rerun, but never a complete one.
SELECT concat_ws('.', e.schema_name, e.table_name, e.column_name) AS target, e.plan_id, e.batch_id, e.fund_id, e.action,
       max(e.rows_planned) AS rows_planned, sum(e.rows_updated)::bigint AS rows_updated,
       sum(e.rows_updated + e.rows_skipped) >= max(e.rows_planned) AS is_complete
FROM stage_migration_receipts e
WHERE concat_ws('.', e.schema_name, e.table_name, e.column_name) = ANY (%(targets)s::text[])
  AND (%(all_funds)s OR e.fund_id IS NOT DISTINCT FROM %(fund_id)s::text)
  AND (e.last_log_id > %(after_id)s
       OR e.last_log_id IS NULL AND coalesce(e.recorded_at >= %(opened_from)s::timestamptz, true))
  AND NOT EXISTS (SELECT 1 FROM stage_migration_batches b WHERE b.batch_id = e.batch_id)
GROUP BY 1, 2, 3, 4, 5
ORDER BY e.batch_id;
