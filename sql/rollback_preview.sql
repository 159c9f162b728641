-- How many rows of a target a rollback would restore and would leave, by state, with the first ones of each.
WITH {candidates}
SELECT state, total, row_id, fund_id, restore, expected, left(stage_now, 1000) AS stage_now
FROM (SELECT c.*, row_number() OVER (PARTITION BY state ORDER BY row_key) AS place, count(*) OVER (PARTITION BY state) AS total
      FROM candidates c) AS counted
WHERE place <= %(shown)s
ORDER BY state, place;
