-- Prepare an update of the stage in the form that batches use, without running it.
-- Changes nothing and works in a READ ONLY transaction. Takes the table lock of an UPDATE until the transaction ends.
EXPLAIN
WITH changed AS (
    UPDATE {table} AS t SET {stage_column} = {stage_column} RETURNING 1
)
SELECT count(*) FROM changed;
