-- Rows of a target that hold, after a rollback, what the log's latest entry says; by kind the exact number and the first.
-- `restored`: what the rollback gave back; that by decision stays as it is does not count. `left`: what a batch wrote that was rolled back
-- since, so the rollback did not restore this row. What holds something else is in verify_audited_rows.
WITH undone AS MATERIALIZED (
    SELECT l.id, l.row_id, l.fund_id, l.batch_id, l.action, l.stage_before, l.stage_after
    FROM stage_normalization_log l
    LEFT JOIN stage_migration_batches b USING (batch_id)
    WHERE l.plan_id >= %(first_plan)s
      AND (l.schema_name, l.table_name, l.column_name) = (%(schema_name)s, %(table_name)s, %(column_name)s)
      AND (%(all_funds)s OR l.fund_id IS NOT DISTINCT FROM %(fund_id)s::text)
      AND (l.action = 'rollback' OR l.action = 'normalize' AND b.status = 'rolled_back')
      AND NOT EXISTS (SELECT 1 FROM stage_normalization_log later
                      WHERE later.row_id = l.row_id AND later.id > l.id
                        AND later.plan_id >= %(first_plan)s AND later.action IN ('normalize', 'rollback')
                        AND (later.schema_name, later.table_name, later.column_name)
                            = (%(schema_name)s, %(table_name)s, %(column_name)s))
), counted AS (
    SELECT u.*, left({stage}, 1000) AS stage_now, CASE u.action WHEN 'rollback' THEN 'restored' ELSE 'left' END AS state,
           row_number() OVER (PARTITION BY u.action ORDER BY u.id) AS place, count(*) OVER (PARTITION BY u.action) AS total
    FROM undone u
    JOIN {table} AS t ON ({key}::text COLLATE "C") = u.row_id AND {stage} = u.stage_after
    WHERE {stage} <> ALL (%(left_as_is)s::text[])
)
SELECT state, total, row_id, fund_id, batch_id, stage_before, stage_after, stage_now
FROM counted
WHERE place <= %(shown)s
ORDER BY state, id;
