-- Where the rows went that do not hold what their latest log entry says: counts by fund and canonical stage (NULL: any
-- other). `out`: by the fund and stage of the entry, with how many of them left the fund, and how many are NULL there.
-- `in`: by the fund and stage that the rows are in now.
-- Entries from before the fund's baseline do not count, since the baseline has counted what became of those rows:
-- `since` for all funds, `since_times` for those in `since_funds`.
-- Promise: one pass over log and target; the log is looked at once more only where something differs.
WITH held_against AS (
    SELECT l.id, l.row_id, l.fund_id, l.stage_after, l.run_at, {stage} AS stage_now, {fund} AS fund_now, {state} AS state
    FROM stage_normalization_log l
    LEFT JOIN {table} AS t ON ({key}::text COLLATE "C") = l.row_id
    WHERE l.id > %(after_id)s AND l.plan_id IS NOT NULL AND l.action IN ('normalize', 'rollback')
      AND (l.schema_name, l.table_name, l.column_name) = (%(schema_name)s, %(table_name)s, %(column_name)s)
      AND (%(all_funds)s OR l.fund_id IS NOT DISTINCT FROM %(fund_id)s::text)
), mismatched AS MATERIALIZED (
    -- Written as an equality because the planner takes one to be rare: see audited_rows.sql.
    SELECT * FROM held_against WHERE CASE state WHEN 'holds' THEN 'holds' ELSE 'differs' END = 'differs'
), superseded AS (
    SELECT m.id
    FROM mismatched m
    JOIN stage_normalization_log later ON later.row_id = m.row_id AND later.id > m.id
    WHERE later.plan_id IS NOT NULL AND later.action IN ('normalize', 'rollback')
      AND (later.schema_name, later.table_name, later.column_name) = (%(schema_name)s, %(table_name)s, %(column_name)s)
), differing AS MATERIALIZED (
    SELECT m.fund_id, m.fund_now, m.state,
           CASE WHEN m.stage_after = ANY (%(canonical)s::text[]) THEN m.stage_after END AS stage_after,
           CASE WHEN m.stage_now = ANY (%(canonical)s::text[]) THEN m.stage_now END AS stage_now,
           m.state = 'gone' OR m.fund_now COLLATE "C" IS DISTINCT FROM m.fund_id AS has_left
    FROM mismatched m
    LEFT JOIN unnest(%(since_funds)s::text[], %(since_times)s::timestamptz[]) AS own (fund_id, since)
              ON own.fund_id IS NOT DISTINCT FROM m.fund_id
    WHERE NOT EXISTS (SELECT 1 FROM superseded s WHERE s.id = m.id)
      AND coalesce(m.run_at > coalesce(own.since, %(since)s::timestamptz), true)
)
SELECT 'out' AS way, fund_id, stage_after AS stage, count(*) AS row_count, count(*) FILTER (WHERE has_left) AS has_left,
       count(*) FILTER (WHERE state = 'null' AND NOT has_left) AS is_null
FROM differing
GROUP BY fund_id, stage_after
UNION ALL
SELECT 'in', fund_now, stage_now, count(*), 0, 0
FROM differing
WHERE state <> 'gone'
GROUP BY fund_now, stage_now;
