-- Read the first batch after a number, of a plan that is still a draft, for a rehearsal.
SELECT b.plan_id, b.batch_id, b.batch_number, b.schema_name, b.table_name, b.column_name, b.fund_id,
       b.rows_planned, b.status, p.total_batches, p.kind
FROM stage_migration_batches b
JOIN stage_migration_plans p USING (plan_id)
WHERE p.plan_id = %(plan_id)s AND p.status = 'draft' AND b.batch_number > %(after_number)s
ORDER BY b.batch_number
LIMIT 1;
