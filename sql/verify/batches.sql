-- Count the batches of the covered plans by kind and status, with their rows. `wrong_sums`: batches whose counts do not add
-- up. `wrong_statuses`: batches whose status was edited by hand (sql/verify/wrong_status.sql).
SELECT p.kind,
       b.status,
       count(*)                                                     AS batches,
       coalesce(sum(b.rows_planned), 0)::bigint                     AS rows_planned,
       coalesce(sum(b.rows_updated), 0)::bigint                     AS rows_updated,
       coalesce(sum(b.rows_skipped), 0)::bigint                     AS rows_skipped,
       coalesce(sum(b.rows_failed), 0)::bigint                      AS rows_failed,
       count(*) FILTER (WHERE b.status = 'completed' AND b.rows_updated IS NULL
                           OR b.rows_updated + b.rows_skipped + b.rows_failed <> b.rows_planned) AS wrong_sums,
       count(*) FILTER (WHERE {wrong_status}) AS wrong_statuses
FROM stage_migration_batches b
JOIN stage_migration_plans p USING (plan_id)
WHERE b.plan_id = ANY (%(plans)s::bigint[])
  AND concat_ws('.', b.schema_name, b.table_name, b.column_name) = ANY (%(targets)s::text[])
  AND (%(all_funds)s OR b.fund_id IS NOT DISTINCT FROM %(fund_id)s::text)
GROUP BY p.kind, b.status;
