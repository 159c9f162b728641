-- Fragment: update the rows of `members` that still hold their spelling, and log each change.
-- Guarantees: compare and set on the stored bytes; one audit row per changed row, in the same statement. A row in which a
-- trigger stored something else than what was written has no audit row.
changed AS (
    UPDATE {table} AS t
    SET {stage_column} = m.stage_after{stage_cast}
    FROM members m
    WHERE {key} = m.row_key AND {stage} = m.spelling
    RETURNING m.batch_id, {key}::text AS row_id, m.spelling AS stage_before, m.stage_after, {stage} AS stored
), audited AS (
    INSERT INTO stage_normalization_log
        (schema_name, table_name, column_name, row_id, fund_id, stage_before, stage_after, action, plan_id, batch_id, run_by)
    SELECT %(schema_name)s, %(table_name)s, %(column_name)s, row_id, %(fund_id)s, stage_before, stage_after,
           %(action)s, %(plan_id)s, batch_id, %(run_by)s
    FROM changed
    WHERE stored = stage_after
    RETURNING id, batch_id, row_id, stage_before, stage_after
)
