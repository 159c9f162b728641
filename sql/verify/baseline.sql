-- Read the baseline of a target by fund and kind of spelling. For each fund, the first of the given plans that covers it
-- counts.
WITH covering AS (
    SELECT p.plan_id, array_position(%(plans)s::bigint[], p.plan_id) AS place, t.target_no,
           (p.scope ->> 'all_funds')::boolean AS all_funds, p.scope ->> 'fund_id' AS fund_id
    FROM stage_migration_plans p
    JOIN stage_migration_plan_targets t USING (plan_id)
    WHERE p.plan_id = ANY (%(plans)s::bigint[])
      AND (t.schema_name, t.table_name, t.column_name) = (%(schema_name)s, %(table_name)s, %(column_name)s)
)
SELECT b.fund_id, b.kind, CASE WHEN b.kind = 'canonical' THEN s.spelling END AS stage, b.plan_id,
       sum(b.rows_counted)::bigint AS rows_counted
FROM covering c
JOIN stage_migration_baseline b ON b.plan_id = c.plan_id AND b.target_no = c.target_no
LEFT JOIN stage_migration_spellings s ON s.spelling_id = b.spelling_id AND b.kind = 'canonical'
WHERE (%(all_funds)s OR b.fund_id IS NOT DISTINCT FROM %(fund_id)s::text)
  AND NOT EXISTS (SELECT 1 FROM covering preferred
                  WHERE preferred.place < c.place
                    AND (preferred.all_funds OR preferred.fund_id IS NOT DISTINCT FROM b.fund_id))
GROUP BY 1, 2, 3, 4;
