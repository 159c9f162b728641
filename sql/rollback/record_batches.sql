-- Record the batches of a rollback: the rows of one target to restore, by fund, with what each holds and gets back.
-- Record also which earlier batches it undoes: those with every change in the scope and no row left because it was touched.
-- A touched row still holds what stagenorm wrote, so its batch stays in force.
-- One statement, so that both come from one snapshot. A batch that commits during it is in neither.
WITH {candidates}, moves AS MATERIALIZED (
    -- Few: the spellings are hashed once for each, and not once for each row.
    SELECT c.expected, c.restore, e.spelling_id, r.spelling_id AS restore_id
    FROM (SELECT DISTINCT expected, restore FROM candidates WHERE state IN ('restorable', 'kept_other_write')) AS c
    JOIN stage_migration_spellings e ON e.spelling_sha256 = sha256(convert_to(c.expected, 'UTF8'))
    JOIN stage_migration_spellings r ON r.spelling_sha256 = sha256(convert_to(c.restore, 'UTF8'))
), by_fund AS (
    SELECT c.fund_id,
           array_agg(c.row_key::{member_type} ORDER BY c.row_key) AS row_keys,
           array_agg(m.spelling_id ORDER BY c.row_key)            AS spelling_ids,
           array_agg(m.restore_id ORDER BY c.row_key)             AS restore_ids
    FROM candidates c
    JOIN moves m USING (expected, restore)
    WHERE c.state IN ('restorable', 'kept_other_write')
    GROUP BY c.fund_id
), slices AS MATERIALIZED (
    SELECT %(batches_before)s + row_number() OVER (ORDER BY f.fund_id, place) AS batch_number, f.fund_id,
           f.row_keys[place : place + %(batch_size)s - 1]     AS row_keys,
           f.spelling_ids[place : place + %(batch_size)s - 1] AS spelling_ids,
           f.restore_ids[place : place + %(batch_size)s - 1]  AS restore_ids
    FROM by_fund f
    CROSS JOIN LATERAL generate_series(1, cardinality(f.row_keys), %(batch_size)s) AS place
), batches AS (
    INSERT INTO stage_migration_batches
        (plan_id, batch_number, schema_name, table_name, column_name, fund_id, range_start, range_end, rows_planned)
    SELECT %(plan_id)s, batch_number, %(schema_name)s, %(table_name)s, %(column_name)s, fund_id,
           row_keys[1]::text, row_keys[cardinality(row_keys)]::text, cardinality(row_keys)
    FROM slices
    RETURNING batch_id, batch_number, rows_planned
), members AS (
    INSERT INTO stage_migration_batch_members (batch_id, {member_column}, spelling_ids, restore_ids)
    SELECT b.batch_id, s.row_keys, s.spelling_ids, s.restore_ids
    FROM batches b JOIN slices s USING (batch_number)
), undone AS (
    INSERT INTO stage_migration_rollback_batches (plan_id, batch_id, rows_updated)
    SELECT %(plan_id)s, b.batch_id, b.rows_updated
    FROM stage_migration_batches b
    JOIN (SELECT batch_id, count(*) AS rows_changed FROM changes WHERE in_scope GROUP BY batch_id) AS c USING (batch_id)
    WHERE b.rows_updated = c.rows_changed AND b.status IN ('completed', 'failed', 'cancelled')
      AND (NOT %(only_untouched)s OR b.batch_id NOT IN (
               SELECT l.batch_id FROM changes l JOIN candidates USING (row_id)
               WHERE l.in_scope AND l.batch_id IS NOT NULL AND state = 'touched'))
)
SELECT count(*) AS batches, coalesce(sum(rows_planned), 0)::bigint AS rows_planned FROM batches;
