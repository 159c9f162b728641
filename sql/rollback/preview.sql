-- Count the rows of a target that a rollback would restore and leave, by state, with the first rows of each.
-- `touched`: rows that have a newer version than the one that stagenorm wrote.
WITH {candidates}, counts AS (
    SELECT state, count(*) AS total, count(*) FILTER (WHERE is_repeated) AS repeated,
           count(*) FILTER (WHERE is_touched) AS touched
    FROM candidates
    GROUP BY state
), states AS MATERIALIZED (
    -- One pass for each state finds the last row to show. Windows over all rows would sort millions to show twenty.
    SELECT counts.*, (SELECT c.row_key FROM candidates c WHERE c.state = counts.state
                      ORDER BY c.row_key OFFSET %(shown)s - 1 LIMIT 1) AS last_shown
    FROM counts
)
SELECT state, total, repeated, touched, row_id, fund_id, restore, expected, stage_now, later_plan, is_touched
FROM states
JOIN candidates USING (state)
WHERE last_shown IS NULL OR row_key <= last_shown
ORDER BY state, row_key;
