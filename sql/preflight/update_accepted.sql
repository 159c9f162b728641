-- Prepare, and do not run, an update of the stage in the form in which batches make it.
-- Promise: changes nothing; works in a READ ONLY transaction; takes the lock of an UPDATE for as long as it lasts.
EXPLAIN
WITH changed AS (
    UPDATE {table} AS t SET {stage_column} = {stage_column} RETURNING 1
)
SELECT count(*) FROM changed;
