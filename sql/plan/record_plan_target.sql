-- Record a target of a plan, with its key and fund column.
INSERT INTO stage_migration_plan_targets (plan_id, target_no, schema_name, table_name, column_name, key_column, fund_column)
VALUES (%(plan_id)s, %(target_no)s, %(schema_name)s, %(table_name)s, %(column_name)s, %(key_column)s, %(fund_column)s);
