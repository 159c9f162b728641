-- Read the values of the other columns in the first rows of a batch, to compare them before and after.
-- Guarantees: reads only. A deleted row is left out.
WITH members AS (
    SELECT m.row_key::{key_type} AS row_key
    FROM stage_migration_batch_members b
    CROSS JOIN LATERAL unnest(b.{member_column}) WITH ORDINALITY AS m (row_key, place)
    WHERE b.batch_id = %(batch_id)s AND m.place <= %(most)s
)
SELECT {key}::text AS row_id, to_jsonb(others)::text AS others
FROM members m
JOIN {table} AS t ON {key} = m.row_key
CROSS JOIN LATERAL (SELECT {columns}) AS others;
