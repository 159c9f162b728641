-- Count by plan the open batches in some targets and funds. A new plan or a rollback there cancels them.
SELECT b.plan_id, count(*) AS batches
FROM stage_migration_batches b
JOIN stage_migration_plans p USING (plan_id)
WHERE p.status = 'open' AND b.status IN ('pending', 'running', 'failed')
  AND concat_ws('.', b.schema_name, b.table_name, b.column_name) = ANY (%(targets)s::text[])
  AND (%(all_funds)s OR b.fund_id IS NOT DISTINCT FROM %(fund_id)s::text)
GROUP BY b.plan_id
ORDER BY b.plan_id;
