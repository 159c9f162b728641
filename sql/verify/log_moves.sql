-- Count how many rows stagenorm moved from and to each canonical stage of a target, by plan and fund, from the log.
-- Reads the judged entries once. `first_at`: when the first of them was written.
SELECT l.plan_id, l.fund_id, min(l.run_at) AS first_at, count(*) AS entries,
       CASE WHEN l.stage_before = ANY (%(canonical)s::text[]) THEN l.stage_before END AS taken_from,
       CASE WHEN l.stage_after = ANY (%(canonical)s::text[]) THEN l.stage_after END AS given_to
FROM stage_normalization_log l
WHERE l.id > %(after_id)s AND l.plan_id IS NOT NULL AND l.action IN ('normalize', 'rollback')
  AND (l.schema_name, l.table_name, l.column_name) = (%(schema_name)s, %(table_name)s, %(column_name)s)
  AND (%(all_funds)s OR l.fund_id IS NOT DISTINCT FROM %(fund_id)s::text)
GROUP BY l.plan_id, l.fund_id, 5, 6;
