-- The newest plan that counted every fund of the target, with the rows that a constraint would have refused then.
-- Judged by the values that are allowed now, byte for byte. No row: no such plan.
WITH last AS (
    SELECT p.plan_id, p.created_at, t.target_no
    FROM stage_migration_plans p
    JOIN stage_migration_plan_targets t USING (plan_id)
    WHERE p.kind = 'normalize' AND (p.scope ->> 'all_funds')::boolean
      AND (t.schema_name, t.table_name, t.column_name) = (%(schema_name)s, %(table_name)s, %(column_name)s)
    ORDER BY p.plan_id DESC
    LIMIT 1
)
SELECT l.plan_id, l.created_at,
       coalesce(sum(b.rows_counted) FILTER (WHERE s.spelling <> ALL (%(allowed)s::text[])), 0)::bigint AS rows_refused
FROM last l
LEFT JOIN stage_migration_baseline b ON b.plan_id = l.plan_id AND b.target_no = l.target_no
LEFT JOIN stage_migration_spellings s USING (spelling_id)
GROUP BY 1, 2;
