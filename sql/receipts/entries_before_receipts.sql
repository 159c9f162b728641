-- Entries made before there were receipts that are not what their batch was to write; the first ones of `total`.
-- `altered`: the row's entry says something else. `not planned`: the batch never held the row. `no batch`: the batch is
-- gone, and with it what the entry could be compared with.
WITH members AS (
    SELECT b.batch_id, b.plan_id, coalesce(m.row_number::text, m.row_key) AS row_id, m.spelling_id, m.restore_id
    FROM stage_migration_batches b
    JOIN stage_migration_batch_members a USING (batch_id)
    CROSS JOIN LATERAL unnest(a.row_numbers, a.row_keys, a.spelling_ids, a.restore_ids)
         AS m (row_number, row_key, spelling_id, restore_id)
    WHERE concat_ws('.', b.schema_name, b.table_name, b.column_name) = ANY (%(targets)s::text[])
      AND (%(all_funds)s OR b.fund_id IS NOT DISTINCT FROM %(fund_id)s::text)
), compared AS (
    SELECT l.id AS log_id, l.batch_id, l.row_id, concat_ws('.', l.schema_name, l.table_name, l.column_name) AS target, l.fund_id,
           s.spelling AS planned_before, coalesce(p.stage_after, r.spelling) AS planned_after,
           l.stage_before AS logged_before, l.stage_after AS logged_after, m.row_id IS NULL AS is_foreign
    FROM stage_normalization_log l
    LEFT JOIN members m ON m.batch_id = l.batch_id AND m.row_id = l.row_id
    LEFT JOIN stage_migration_spellings s ON s.spelling_id = m.spelling_id
    LEFT JOIN stage_migration_plan_spellings p ON p.plan_id = m.plan_id AND p.spelling_id = m.spelling_id
    LEFT JOIN stage_migration_spellings r ON r.spelling_id = m.restore_id
    WHERE l.id > %(since)s AND l.id <= %(legacy)s AND l.plan_id IS NOT NULL AND l.action IN ('normalize', 'rollback')
      AND concat_ws('.', l.schema_name, l.table_name, l.column_name) = ANY (%(targets)s::text[])
      AND (%(all_funds)s OR l.fund_id IS NOT DISTINCT FROM %(fund_id)s::text)
), judged AS (
    SELECT c.*, CASE WHEN NOT is_foreign THEN 'altered' WHEN b.batch_id IS NULL THEN 'no batch' ELSE 'not planned' END AS difference
    FROM compared c
    LEFT JOIN stage_migration_batches b USING (batch_id)
    WHERE is_foreign OR (planned_before, planned_after) IS DISTINCT FROM (logged_before, logged_after)
)
SELECT *, count(*) OVER () AS total, count(*) FILTER (WHERE difference = 'no batch') OVER () AS without_batch
FROM judged
ORDER BY difference = 'no batch', log_id
LIMIT %(shown)s;
