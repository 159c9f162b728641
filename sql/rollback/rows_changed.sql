-- How many rows the batches in a rollback's scope have changed, as far as batches tell: those of a cleared plan are gone.
SELECT coalesce(sum(b.rows_updated), 0)::bigint AS rows_changed
FROM stage_migration_batches b
WHERE (b.schema_name, b.table_name, b.column_name) = (%(schema_name)s, %(table_name)s, %(column_name)s)
  AND (%(rolled_plan)s::bigint IS NULL OR b.plan_id = %(rolled_plan)s::bigint)
  AND (%(rolled_batch)s::bigint IS NULL OR b.batch_id = %(rolled_batch)s::bigint)
  AND (%(since)s::timestamptz IS NULL OR b.completed_at >= %(since)s::timestamptz)
  AND (%(all_funds)s OR b.fund_id IS NOT DISTINCT FROM %(fund_id)s::text);
