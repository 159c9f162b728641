-- Give every stage that the audit log mentions in a rollback's scope its short number, so that batches can name it.
INSERT INTO stage_migration_spellings (spelling_sha256, spelling)
SELECT DISTINCT sha256(convert_to(v.stage, 'UTF8')), v.stage
FROM stage_normalization_log l
CROSS JOIN LATERAL (VALUES (l.stage_before), (l.stage_after)) AS v (stage)
WHERE (l.schema_name, l.table_name, l.column_name) = (%(schema_name)s, %(table_name)s, %(column_name)s)
  AND l.action = 'normalize'
  AND (%(rolled_plan)s::bigint IS NULL OR l.plan_id = %(rolled_plan)s::bigint)
  AND v.stage IS NOT NULL
ON CONFLICT DO NOTHING;
