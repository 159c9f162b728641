-- Rows that do not hold what the log's latest entry says they became, or that are in another fund, by what they are now
-- (sql/verify/audited_row_state.sql); for each kind the exact number and the first ones.
-- For a log of which nothing was rolled back: nearly every entry is the latest about its row, and holds.
-- Promise: one pass over log and target; the log is looked at once more only where something differs.
-- Keys are compared as text: a damaged row_id is a row that is gone, and not an error of the whole verification.
WITH held_against AS (
    SELECT l.id, l.row_id, left({stage}, 1000) AS stage_now, {fund} AS fund_now, {state} AS state
    FROM stage_normalization_log l
    LEFT JOIN {table} AS t ON ({key}::text COLLATE "C") = l.row_id
    WHERE l.id > %(after_id)s AND l.plan_id IS NOT NULL AND l.action IN ('normalize', 'rollback')
      AND (l.schema_name, l.table_name, l.column_name) = (%(schema_name)s, %(table_name)s, %(column_name)s)
      AND (%(all_funds)s OR l.fund_id IS NOT DISTINCT FROM %(fund_id)s::text)
), mismatched AS MATERIALIZED (
    -- Written as an equality because the planner takes one to be rare: with `<>` it expects nearly all rows, and then
    -- neither works in parallel nor hashes the small side.
    SELECT * FROM held_against WHERE CASE state WHEN 'holds' THEN 'holds' ELSE 'differs' END = 'differs'
), superseded AS (
    -- By row and id alone: a narrow hash of the mismatched rows, along which the log passes once.
    SELECT m.id
    FROM mismatched m
    JOIN stage_normalization_log later ON later.row_id = m.row_id AND later.id > m.id
    WHERE later.plan_id IS NOT NULL AND later.action IN ('normalize', 'rollback')
      AND (later.schema_name, later.table_name, later.column_name) = (%(schema_name)s, %(table_name)s, %(column_name)s)
), counted AS (
    SELECT m.*, row_number() OVER (PARTITION BY state ORDER BY id) AS place, count(*) OVER (PARTITION BY state) AS total
    FROM mismatched m
    WHERE NOT EXISTS (SELECT 1 FROM superseded s WHERE s.id = m.id)
)
SELECT state, false AS is_left, total, id, row_id, stage_now, fund_now
FROM counted
WHERE place <= %(shown)s
ORDER BY state, id;
