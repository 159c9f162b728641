-- Read a batch to roll back, by its number.
SELECT b.plan_id, b.fund_id, concat_ws('.', b.schema_name, b.table_name, b.column_name) AS target
FROM stage_migration_batches b
WHERE b.batch_id = %(batch_id)s;
