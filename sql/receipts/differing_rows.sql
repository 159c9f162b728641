-- In batches whose log entries do not match their receipts, the rows on which log and batch differ; the first ones of
-- `total`.
-- `altered`: the entry says something else than the batch was to write. `missing`: a row of the batch without an entry,
-- in a batch of which all rows were updated; `may be missing`: in one that skipped some. `twice`: several entries of a
-- row. `not planned`: an entry of a row that the batch never held.
WITH members AS (
    SELECT b.batch_id, concat_ws('.', b.schema_name, b.table_name, b.column_name) AS target, b.fund_id,
           coalesce(m.row_number::text, m.row_key) AS row_id, s.spelling AS stage_before,
           coalesce(p.stage_after, r.spelling) AS stage_after, b.rows_updated = b.rows_planned AS is_whole
    FROM stage_migration_batches b
    JOIN stage_migration_batch_members a USING (batch_id)
    CROSS JOIN LATERAL unnest(a.row_numbers, a.row_keys, a.spelling_ids, a.restore_ids)
         AS m (row_number, row_key, spelling_id, restore_id)
    JOIN stage_migration_spellings s ON s.spelling_id = m.spelling_id
    LEFT JOIN stage_migration_plan_spellings p ON p.plan_id = b.plan_id AND p.spelling_id = m.spelling_id
    LEFT JOIN stage_migration_spellings r ON r.spelling_id = m.restore_id
    WHERE b.batch_id = ANY (%(batches)s::bigint[])
), logged AS (
    SELECT batch_id, row_id, min(concat_ws('.', schema_name, table_name, column_name)) AS target, min(fund_id) AS fund_id,
           count(*) AS entries, min(id) AS log_id,
           (array_agg(stage_before ORDER BY id))[1] AS stage_before, (array_agg(stage_after ORDER BY id))[1] AS stage_after
    FROM stage_normalization_log
    WHERE batch_id = ANY (%(batches)s::bigint[]) AND action IN ('normalize', 'rollback')
    GROUP BY batch_id, row_id
), compared AS (
    SELECT batch_id, row_id, coalesce(m.target, l.target) AS target, coalesce(m.fund_id, l.fund_id) AS fund_id, l.log_id,
           m.stage_before AS planned_before, m.stage_after AS planned_after,
           l.stage_before AS logged_before, l.stage_after AS logged_after,
           CASE WHEN m.row_id IS NULL THEN 'not planned'
                WHEN l.row_id IS NULL THEN CASE WHEN m.is_whole THEN 'missing' ELSE 'may be missing' END
                WHEN l.entries > 1 THEN 'twice'
                WHEN (m.stage_before, m.stage_after) IS DISTINCT FROM (l.stage_before, l.stage_after) THEN 'altered'
           END AS difference
    FROM members m
    FULL JOIN logged l USING (batch_id, row_id)
)
SELECT *, count(*) OVER () AS total
FROM compared
WHERE difference IS NOT NULL
-- What is certain comes first.
ORDER BY difference = 'may be missing', batch_id, log_id, row_id
LIMIT %(shown)s;
