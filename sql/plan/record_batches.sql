-- Record pending batches with their exact members, as slices of `keys`.
WITH slices AS MATERIALIZED (
    SELECT %(batches_before)s + s.place AS batch_number, s.fund_id,
           (%(keys)s::{member_type}[])[s.first_key : s.last_key]     AS row_keys,
           (%(spelling_ids)s::integer[])[s.first_key : s.last_key]   AS spelling_ids
    FROM unnest(%(fund_ids)s::text[], %(firsts)s::integer[], %(lasts)s::integer[])
         WITH ORDINALITY AS s (fund_id, first_key, last_key, place)
), batches AS (
    INSERT INTO stage_migration_batches
        (plan_id, batch_number, schema_name, table_name, column_name, fund_id, range_start, range_end, rows_planned)
    SELECT %(plan_id)s, batch_number, %(schema_name)s, %(table_name)s, %(column_name)s, fund_id,
           row_keys[1]::text, row_keys[cardinality(row_keys)]::text, cardinality(row_keys)
    FROM slices
    ORDER BY batch_number
    RETURNING batch_id, batch_number
)
INSERT INTO stage_migration_batch_members (batch_id, {member_column}, spelling_ids)
SELECT b.batch_id, s.row_keys, s.spelling_ids
FROM batches b JOIN slices s USING (batch_number);
