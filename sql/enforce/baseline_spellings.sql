-- How many rows of the target held each of the given spellings when a plan was made.
SELECT s.spelling_sha256, sum(b.rows_counted)::bigint AS rows_counted
FROM stage_migration_plan_targets t
JOIN stage_migration_baseline b USING (plan_id, target_no)
JOIN stage_migration_spellings s USING (spelling_id)
WHERE t.plan_id = %(plan_id)s AND s.spelling_sha256 = ANY (%(hashes)s::bytea[])
  AND (t.schema_name, t.table_name, t.column_name) = (%(schema_name)s, %(table_name)s, %(column_name)s)
GROUP BY 1;
