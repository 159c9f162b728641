-- Count the rows of a target that a rollback would restore and leave, by state, with the first rows of each.
-- `touched`: rows that have a newer version than the one that stagenorm wrote.
WITH {candidates}
SELECT state, total, repeated, touched, row_id, fund_id, restore, expected, stage_now, later_plan, is_touched
FROM (SELECT c.*, row_number() OVER (PARTITION BY state ORDER BY row_key)        AS place,
             count(*) OVER (PARTITION BY state)                                  AS total,
             count(*) FILTER (WHERE is_repeated) OVER (PARTITION BY state)       AS repeated,
             count(*) FILTER (WHERE is_touched) OVER (PARTITION BY state)        AS touched
      FROM candidates c) AS counted
WHERE place <= %(shown)s
ORDER BY state, place;
