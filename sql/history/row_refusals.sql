-- Read how often and why the database refused to change a row, oldest first.
SELECT plan_id, batch_id, stage_before, stage_after, error_message, quarantined_at AS refused_at, resolution
FROM stage_migration_quarantine
WHERE (schema_name, table_name, column_name) = (%(schema_name)s, %(table_name)s, %(column_name)s)
  AND row_id = %(row_id)s::text COLLATE "C"
ORDER BY quarantine_id;
