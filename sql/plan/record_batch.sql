-- Record a pending batch with its exact members.
WITH batch AS (
    INSERT INTO stage_migration_batches
        (plan_id, batch_number, schema_name, table_name, column_name, fund_id, range_start, range_end, rows_planned)
    VALUES (%(plan_id)s, %(batch_number)s, %(schema_name)s, %(table_name)s, %(column_name)s, %(fund_id)s,
            %(range_start)s, %(range_end)s, %(rows_planned)s)
    RETURNING batch_id
)
INSERT INTO stage_migration_batch_members (batch_id, row_numbers, row_keys, spelling_ids)
SELECT batch_id, %(row_numbers)s::bigint[], %(row_keys)s::text[], %(spelling_ids)s::integer[] FROM batch;
