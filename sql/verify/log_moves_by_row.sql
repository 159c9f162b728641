-- Count how many rows stagenorm moved from and to each canonical stage of a target, by plan and fund, from the log.
-- For a log of several plans, in which rows have several entries: each row moves from the stage of its first entry to the
-- stage of its last. A change by another session in between does not matter, because the next entry replaced it.
-- `first_at`: when the first of the entries was written. `rows_named`: rows whose first entry is among them.
SELECT plan_id, fund_id, min(run_at) AS first_at, count(*) AS entries, count(*) FILTER (WHERE is_first) AS rows_named,
       CASE WHEN is_first AND stage_before = ANY (%(canonical)s::text[]) THEN stage_before END AS taken_from,
       CASE WHEN is_last AND stage_after = ANY (%(canonical)s::text[]) THEN stage_after END AS given_to
FROM (SELECT l.plan_id, l.fund_id, l.run_at, l.stage_before, l.stage_after,
             lag(true) OVER by_row IS NULL AS is_first, lead(true) OVER by_row IS NULL AS is_last
      FROM stage_normalization_log l
      WHERE (%(is_whole_log)s OR l.id > %(after_id)s)
        -- As a CASE for the planner: see audited_rows_after_rollback.sql.
        AND CASE WHEN l.plan_id IS NOT NULL AND l.action IN ('normalize', 'rollback')
                  AND (l.schema_name, l.table_name, l.column_name) = (%(schema_name)s, %(table_name)s, %(column_name)s)
                  AND (%(all_funds)s OR l.fund_id IS NOT DISTINCT FROM %(fund_id)s::text)
                 THEN true END IS NOT NULL
      WINDOW by_row AS (PARTITION BY l.row_id COLLATE "C" ORDER BY l.id)) AS chained
GROUP BY plan_id, fund_id, taken_from, given_to;
