-- The same as log_moves.sql for a log in which rows have several entries: each row is taken from the stage of its first
-- entry and given to the stage of its last. What other sessions did in between, the next entry has overtaken.
SELECT plan_id, fund_id, min(run_at) AS first_at, count(*) AS entries,
       CASE WHEN is_first AND stage_before = ANY (%(canonical)s::text[]) THEN stage_before END AS taken_from,
       CASE WHEN is_last AND stage_after = ANY (%(canonical)s::text[]) THEN stage_after END AS given_to
FROM (SELECT l.plan_id, l.fund_id, l.run_at, l.stage_before, l.stage_after,
             lag(l.id) OVER by_row IS NULL AS is_first, lead(l.id) OVER by_row IS NULL AS is_last
      FROM stage_normalization_log l
      WHERE l.id > %(after_id)s AND l.plan_id IS NOT NULL AND l.action IN ('normalize', 'rollback')
        AND (l.schema_name, l.table_name, l.column_name) = (%(schema_name)s, %(table_name)s, %(column_name)s)
        AND (%(all_funds)s OR l.fund_id IS NOT DISTINCT FROM %(fund_id)s::text)
      WINDOW by_row AS (PARTITION BY l.row_id ORDER BY l.id)) AS chained
GROUP BY plan_id, fund_id, 5, 6;
