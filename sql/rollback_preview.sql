-- How many rows of a target a rollback would restore and would leave, by state, with the first ones of each.
WITH {candidates}
SELECT state, total, repeated, row_id, fund_id, restore, expected, stage_now, later_plan
FROM (SELECT c.*, row_number() OVER (PARTITION BY state ORDER BY row_key)        AS place,
             count(*) OVER (PARTITION BY state)                                  AS total,
             count(*) FILTER (WHERE is_repeated) OVER (PARTITION BY state)       AS repeated
      FROM candidates c) AS counted
WHERE place <= %(shown)s
ORDER BY state, place;
