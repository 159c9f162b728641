-- Find audited rows that do not hold what their latest log entry says, or that are in another fund. For each state
-- (sql/verify/audited_row_state.sql): the exact number and the first rows. `part`: `row` for these, `out` and `in` for the
-- counts of sql/verify/shifts.sql.
-- Used if nothing was rolled back: nearly every entry is the latest of its row, and the row still holds it.
-- Reads log and target once. Reads the log a second time only if some row differs.
-- Keys are compared as text, so that a damaged row_id counts as a deleted row instead of failing the verification.
WITH with_state AS (
    SELECT l.id, l.row_id, l.fund_id, l.stage_after, l.run_at, left({stage}, 1000) AS stage_now, {fund} AS fund_now, {state} AS state
    FROM stage_normalization_log l
    LEFT JOIN {table} AS t ON ({key}::text COLLATE "C") = l.row_id
    WHERE l.id > %(after_id)s AND l.plan_id IS NOT NULL AND l.action IN ('normalize', 'rollback')
      AND (l.schema_name, l.table_name, l.column_name) = (%(schema_name)s, %(table_name)s, %(column_name)s)
      AND (%(all_funds)s OR l.fund_id IS NOT DISTINCT FROM %(fund_id)s::text)
), mismatched AS MATERIALIZED (
    -- An equality, because the planner takes equalities to be rare. With `<>` it expects nearly all rows, and then it
    -- neither works in parallel nor hashes the small side.
    SELECT * FROM with_state WHERE CASE state WHEN 'holds' THEN 'holds' ELSE 'differs' END = 'differs'
), superseded AS (
    -- Only row and id: the hash of the mismatched rows stays small while the log is read once.
    SELECT m.id
    FROM mismatched m
    JOIN stage_normalization_log later ON later.row_id = m.row_id AND later.id > m.id
    WHERE later.plan_id IS NOT NULL AND later.action IN ('normalize', 'rollback')
      AND (later.schema_name, later.table_name, later.column_name) = (%(schema_name)s, %(table_name)s, %(column_name)s)
), changed AS MATERIALIZED (
    SELECT m.*
    FROM mismatched m
    WHERE NOT EXISTS (SELECT 1 FROM superseded s WHERE s.id = m.id)
), counted AS (
    SELECT c.*, row_number() OVER (PARTITION BY state ORDER BY id) AS place, count(*) OVER (PARTITION BY state) AS total
    FROM changed c
)
SELECT 'row' AS part, state, false AS is_left, total, id, row_id, stage_now, fund_now, NULL::bigint AS has_left, NULL::bigint AS is_null
FROM counted
WHERE place <= %(shown)s
UNION ALL
({shifts})
ORDER BY state, id;
