-- Record the batches of a rollback: the rows of one target to restore, by fund, with what each holds and gets back.
-- Record also which earlier batches it undoes: those with every change in the scope and no row left because it was touched.
-- A touched row still holds what stagenorm wrote, so its batch stays in force.
-- One statement, so that both come from one snapshot. A batch that commits during it is in neither.
WITH {candidates}, moves AS MATERIALIZED (
    SELECT batch_id, stage_before, stage_after, count(*) AS rows_changed
    FROM changes
    WHERE in_scope
    GROUP BY batch_id, stage_before, stage_after
), texts AS MATERIALIZED (
    -- Few: the spellings are hashed once for each, and not once for each row.
    SELECT spelling, sha256(convert_to(spelling, 'UTF8')) AS spelling_sha256
    FROM (SELECT stage_before FROM moves UNION SELECT stage_after FROM moves) AS m (spelling)
), added AS (
    -- The planning lock is held, so no other session inserts the same one.
    INSERT INTO stage_migration_spellings (spelling_sha256, spelling)
    SELECT t.spelling_sha256, t.spelling
    FROM texts t
    WHERE NOT EXISTS (SELECT 1 FROM stage_migration_spellings s WHERE s.spelling_sha256 = t.spelling_sha256)
    RETURNING spelling_sha256, spelling_id
), spellings AS MATERIALIZED (
    SELECT t.spelling, s.spelling_id
    FROM texts t
    JOIN (SELECT spelling_sha256, spelling_id FROM stage_migration_spellings
          UNION ALL
          SELECT spelling_sha256, spelling_id FROM added) AS s USING (spelling_sha256)
), by_fund AS (
    SELECT c.fund_id,
           array_agg(c.row_key::{member_type} ORDER BY c.row_key) AS row_keys,
           array_agg(e.spelling_id ORDER BY c.row_key)            AS spelling_ids,
           array_agg(r.spelling_id ORDER BY c.row_key)            AS restore_ids
    FROM candidates c
    JOIN spellings e ON e.spelling = c.expected
    JOIN spellings r ON r.spelling = c.restore
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
    JOIN (SELECT batch_id, sum(rows_changed) AS rows_changed FROM moves GROUP BY batch_id) AS c USING (batch_id)
    WHERE b.rows_updated = c.rows_changed AND b.status IN ('completed', 'failed', 'cancelled')
      {without_touched}
)
SELECT count(*) AS batches, coalesce(sum(rows_planned), 0)::bigint AS rows_planned FROM batches;
