-- End the transaction with an error unless apply_rows updated every row of the batches and recorded their results.
-- A skipped, refused or rewritten row needs a closer look, statement by statement.
SELECT CASE WHEN count(*) = cardinality(%(batch_ids)s::bigint[]) THEN 0
            ELSE ('stagenorm: a row was not updated; complete batches: ' || count(*))::integer END
FROM stage_migration_batches
WHERE batch_id = ANY (%(batch_ids)s::bigint[]) AND status = 'completed' AND worker = %(worker)s;
