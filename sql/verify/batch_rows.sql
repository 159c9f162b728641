-- List the rows on which given batches disagree with the audit log.
-- `missing`: a row of the batch holds the planned stage but has no audit row of the batch. `twice`: it has several audit
-- rows. `foreign`: an audit row names a row that is not in the batch.
WITH members AS (
    SELECT b.batch_id, b.plan_id, b.fund_id, coalesce(m.row_number::text, m.row_key) AS row_id, m.spelling_id, m.restore_id
    FROM stage_migration_batches b
    JOIN stage_migration_batch_members a USING (batch_id)
    CROSS JOIN LATERAL unnest(a.row_numbers, a.row_keys, a.spelling_ids, a.restore_ids)
         AS m (row_number, row_key, spelling_id, restore_id)
    WHERE b.batch_id = ANY (%(batches)s::bigint[])
      AND (b.schema_name, b.table_name, b.column_name) = (%(schema_name)s, %(table_name)s, %(column_name)s)
), logged AS (
    SELECT l.batch_id, l.row_id, min(l.fund_id) AS fund_id, count(*) AS entries, min(l.stage_before) AS stage_before,
           min(l.stage_after) AS stage_after
    FROM stage_normalization_log l
    WHERE l.id > %(after_id)s AND l.plan_id IS NOT NULL AND l.batch_id = ANY (%(batches)s::bigint[])
      AND (l.schema_name, l.table_name, l.column_name) = (%(schema_name)s, %(table_name)s, %(column_name)s)
      AND l.action IN ('normalize', 'rollback')
    GROUP BY l.batch_id, l.row_id
), compared AS (
    SELECT batch_id, row_id, coalesce(m.fund_id, l.fund_id) AS fund_id, coalesce(l.stage_before, s.spelling) AS stage_before,
           coalesce(l.stage_after, p.stage_after, r.spelling) AS stage_after,
           CASE WHEN m.row_id IS NULL THEN 'foreign' WHEN l.entries > 1 THEN 'twice' ELSE 'missing' END AS problem
    FROM members m
    FULL JOIN logged l USING (batch_id, row_id)
    LEFT JOIN stage_migration_spellings s ON s.spelling_id = m.spelling_id
    LEFT JOIN stage_migration_plan_spellings p ON p.plan_id = m.plan_id AND p.spelling_id = m.spelling_id
    LEFT JOIN stage_migration_spellings r ON r.spelling_id = m.restore_id
    WHERE m.row_id IS NULL OR l.entries > 1 OR l.row_id IS NULL
)
SELECT c.batch_id, c.row_id, c.fund_id, c.problem, c.stage_before, c.stage_after, {key} IS NOT NULL AS row_exists,
       left({stage}, 1000) AS stage_now
FROM compared c
LEFT JOIN {table} AS t ON ({key}::text COLLATE "C") = c.row_id
WHERE c.problem <> 'missing' OR {stage} = c.stage_after
ORDER BY c.batch_id, c.row_id
LIMIT %(shown)s;
