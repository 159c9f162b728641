-- Read the targets of a plan as they were resolved when it was made.
-- Guarantees: reads only.
SELECT schema_name, table_name, column_name, key_column, fund_column
FROM stage_migration_plan_targets
WHERE plan_id = %(plan_id)s
ORDER BY target_no;
