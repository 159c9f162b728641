-- The first plan that named the rows of a target by another key column than the one it has today. `plans`: the plans to
-- check; NULL: all plans that were ever opened.
SELECT t.plan_id, t.key_column
FROM stage_migration_plan_targets t
JOIN stage_migration_plans p USING (plan_id)
WHERE (t.schema_name, t.table_name, t.column_name) = (%(schema_name)s, %(table_name)s, %(column_name)s)
  AND p.kind = 'normalize' AND p.opened_at IS NOT NULL AND t.key_column <> %(key_column)s
  AND (%(plans)s::bigint[] IS NULL OR t.plan_id = ANY (%(plans)s::bigint[]))
ORDER BY t.plan_id
LIMIT 1;
