-- Give every stage that the audit log mentions in the scope of a rollback a number, so that batches can refer to it.
INSERT INTO stage_migration_spellings (spelling_sha256, spelling)
SELECT DISTINCT sha256(convert_to(v.stage, 'UTF8')), v.stage
FROM (SELECT DISTINCT l.stage_before, l.stage_after
      FROM stage_normalization_log l
      WHERE (l.schema_name, l.table_name, l.column_name) = (%(schema_name)s, %(table_name)s, %(column_name)s)
        AND l.action = 'normalize'
        AND (%(rolled_plan)s::bigint IS NULL OR l.plan_id = %(rolled_plan)s::bigint)
        AND (%(spelling)s::text IS NULL OR l.stage_before = %(spelling)s::text COLLATE "C")
        AND (%(row_id)s::text IS NULL OR l.row_id = %(row_id)s::text COLLATE "C")) AS changes
CROSS JOIN LATERAL (VALUES (changes.stage_before), (changes.stage_after)) AS v (stage)
WHERE v.stage IS NOT NULL
ON CONFLICT DO NOTHING;
