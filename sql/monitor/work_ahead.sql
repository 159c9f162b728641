-- What open plans still have to do, by target. Of a failed batch only the refused rows count.
SELECT concat_ws('.', b.schema_name, b.table_name, b.column_name) AS target,
       count(*)::integer                                          AS batches,
       count(DISTINCT coalesce(b.fund_id, ''))::integer           AS funds,
       sum(coalesce(b.rows_failed, b.rows_planned))::bigint       AS rows
FROM stage_migration_batches b
JOIN stage_migration_plans p USING (plan_id)
WHERE p.status = 'open' AND b.status IN ('pending', 'running')
GROUP BY 1
ORDER BY 1;
