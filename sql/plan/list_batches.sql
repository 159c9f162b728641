-- All batches of a plan with their results, in order.
SELECT batch_number, batch_id, concat_ws('.', schema_name, table_name, column_name) AS target, fund_id, range_start, range_end,
       rows_planned, status, rows_updated, rows_skipped, rows_failed, attempts, started_at, completed_at, duration_ms, worker,
       error_message
FROM stage_migration_batches
WHERE plan_id = %(plan_id)s
ORDER BY batch_number;
