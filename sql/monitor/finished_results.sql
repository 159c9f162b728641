-- The results of the newest plans whose batches have all ended, with the tables, the funds with failed batches, and the
-- SQLSTATEs of refused rows. Plans of both kinds; of a plan that was cancelled or rolled back, nothing.
-- Reads the newest 20 plans only.
SELECT p.plan_id, p.kind,
       count(*) FILTER (WHERE b.status = 'completed') AS batches_completed,
       count(*) FILTER (WHERE b.status = 'failed')    AS batches_failed,
       coalesce(sum(b.rows_updated), 0)::bigint       AS rows_updated,
       coalesce(sum(b.rows_skipped), 0)::bigint       AS rows_skipped,
       coalesce(sum(b.rows_failed), 0)::bigint        AS rows_failed,
       array_agg(DISTINCT concat_ws('.', b.schema_name, b.table_name, b.column_name))           AS tables,
       array_agg(DISTINCT b.fund_id::text) FILTER (WHERE b.status = 'failed')                   AS failed_funds,
       array(SELECT DISTINCT q.sqlstate FROM stage_migration_quarantine q
             WHERE q.plan_id = p.plan_id AND q.resolved_at IS NULL AND q.sqlstate IS NOT NULL)  AS sqlstates
FROM stage_migration_plans p
JOIN stage_migration_batches b USING (plan_id)
WHERE p.status IN ('open', 'completed')
  AND p.plan_id > (SELECT coalesce(max(plan_id), 0) - 20 FROM stage_migration_plans)
GROUP BY p.plan_id
HAVING bool_and(b.status IN ('completed', 'failed', 'cancelled')) AND bool_or(b.status IN ('completed', 'failed'))
ORDER BY p.plan_id;
