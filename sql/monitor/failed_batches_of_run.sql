-- Where a runner's batches failed: plan, table and fund, with the SQLSTATEs of the refused rows. `runner` is part of the
-- runner's name, such as the id of a Dagster run. At most 100 places.
SELECT b.plan_id, concat_ws('.', b.schema_name, b.table_name, b.column_name) AS table_name, b.fund_id::text AS fund_id,
       array_agg(DISTINCT q.sqlstate) FILTER (WHERE q.sqlstate IS NOT NULL) AS sqlstates
FROM stage_migration_batches b
LEFT JOIN stage_migration_quarantine q ON q.batch_id = b.batch_id AND q.resolved_at IS NULL
WHERE b.status = 'failed' AND position(%(runner)s IN b.worker) > 0
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3
LIMIT 100;
