-- Lock the batches' rows, or end the transaction with an error unless all wait in open plans and were never tried.
-- For batches that were claimed ahead `may_start` is: no pause, and the approval that the plan needs. Other claims check that.
-- A statement of its own after the locks, because its snapshot must be newer than they are.
SELECT CASE WHEN count(*) = cardinality(%(batch_ids)s::bigint[]) AND bool_and(is_waiting) THEN 0
            ELSE concat('stagenorm: a batch does not wait, of ', count(*))::integer END
FROM (
    SELECT p.status = 'open' AND b.status IN ('pending', 'running', 'failed') AND b.rows_updated IS NULL
           AND {may_start} AS is_waiting
    FROM stage_migration_batches b
    JOIN stage_migration_plans p USING (plan_id)
    WHERE b.batch_id = ANY (%(batch_ids)s::bigint[])
    ORDER BY b.batch_id
    FOR NO KEY UPDATE OF b
) AS batches;
