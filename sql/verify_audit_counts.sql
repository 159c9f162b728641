-- Batches whose number of audit rows is not their rows_updated: the first ones, with how many there are in all.
WITH audited AS (
    SELECT l.batch_id, count(*) AS audit_rows
    FROM stage_normalization_log l
    WHERE l.action = 'normalize' AND l.plan_id = ANY (%(plans)s::bigint[])
    GROUP BY l.batch_id
), wrong AS (
    SELECT b.batch_id, concat_ws('.', b.schema_name, b.table_name, b.column_name) AS target, b.fund_id,
           coalesce(b.rows_updated, 0) AS rows_updated, coalesce(a.audit_rows, 0) AS audit_rows
    FROM stage_migration_batches b
    LEFT JOIN audited a USING (batch_id)
    WHERE b.plan_id = ANY (%(plans)s::bigint[])
      AND concat_ws('.', b.schema_name, b.table_name, b.column_name) = ANY (%(targets)s::text[])
      AND (%(all_funds)s OR b.fund_id IS NOT DISTINCT FROM %(fund_id)s::text)
      AND coalesce(b.rows_updated, 0) <> coalesce(a.audit_rows, 0)
)
SELECT *, count(*) OVER () AS wrong_batches FROM wrong ORDER BY batch_id LIMIT %(shown)s;
