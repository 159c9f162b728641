-- Estimate how many rows a rollback has to look at: those that the batches in its scope changed. Deleted batches are not
-- counted. One spelling: the rows that held it when plans were made. One row: 1.
SELECT CASE WHEN %(row_id)s::text IS NOT NULL THEN 1
            WHEN %(spelling)s::text IS NOT NULL THEN (
                SELECT coalesce(sum(c.rows_counted), 0)::bigint
                FROM stage_migration_spellings s
                JOIN stage_migration_baseline c USING (spelling_id)
                WHERE s.spelling_sha256 = sha256(convert_to(%(spelling)s::text, 'UTF8')))
            ELSE (
                SELECT coalesce(sum(b.rows_updated), 0)::bigint
                FROM stage_migration_batches b
                WHERE (b.schema_name, b.table_name, b.column_name) = (%(schema_name)s, %(table_name)s, %(column_name)s)
                  AND (%(rolled_plan)s::bigint IS NULL OR b.plan_id = %(rolled_plan)s::bigint)
                  AND (%(rolled_batch)s::bigint IS NULL OR b.batch_id = %(rolled_batch)s::bigint)
                  AND (%(since)s::timestamptz IS NULL OR b.completed_at >= %(since)s::timestamptz)
                  AND (%(all_funds)s OR b.fund_id IS NOT DISTINCT FROM %(fund_id)s::text))
       END AS rows_changed;
