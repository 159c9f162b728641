-- Read the first batch of a plan after a number, with its members. Keys as text, which is faster to pass on.
-- Guarantees: reads only.
SELECT b.batch_number, b.schema_name, b.table_name, b.column_name, b.fund_id, b.rows_planned,
       m.row_numbers::text AS row_numbers, m.row_keys::text AS row_keys, m.spelling_ids
FROM stage_migration_batches b
JOIN stage_migration_batch_members m USING (batch_id)
WHERE b.plan_id = %(plan_id)s AND b.batch_number > %(after_number)s
ORDER BY b.batch_number
LIMIT 1;
