-- How many rows of a target a rollback would restore and would leave, by state, with the first ones of each.
-- `touched`: of these rows, those that have another version since we wrote them.
WITH {candidates}
SELECT state, total, repeated, touched, row_id, fund_id, restore, expected, stage_now, later_plan, is_touched
FROM (SELECT c.*, row_number() OVER (PARTITION BY state ORDER BY row_key)        AS place,
             count(*) OVER (PARTITION BY state)                                  AS total,
             count(*) FILTER (WHERE is_repeated) OVER (PARTITION BY state)       AS repeated,
             count(*) FILTER (WHERE is_touched) OVER (PARTITION BY state)        AS touched
      FROM candidates c) AS counted
WHERE place <= %(shown)s
ORDER BY state, place;
