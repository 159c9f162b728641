-- The applied normalizing plan whose last batch ended most recently (failed batches included), with its result.
-- Returns at most one row, and none while a batch of any open plan is pending or running. Reads the newest 20 plans only.
SELECT p.plan_id,
       count(*) FILTER (WHERE b.status = 'completed') AS batches_completed,
       count(*) FILTER (WHERE b.status = 'failed')    AS batches_failed,
       coalesce(sum(b.rows_updated), 0)::bigint       AS rows_updated,
       coalesce(sum(b.rows_skipped), 0)::bigint       AS rows_skipped,
       coalesce(sum(b.rows_failed), 0)::bigint        AS rows_failed
FROM stage_migration_plans p
JOIN stage_migration_batches b USING (plan_id)
WHERE p.kind = 'normalize' AND p.status IN ('open', 'completed') AND b.status IN ('completed', 'failed')
  AND p.plan_id > (SELECT coalesce(max(plan_id), 0) - 20 FROM stage_migration_plans)
  AND NOT EXISTS (SELECT 1 FROM stage_migration_batches w JOIN stage_migration_plans o USING (plan_id)
                  WHERE o.status = 'open' AND w.status IN ('pending', 'running'))
GROUP BY p.plan_id
ORDER BY max(b.updated_at) DESC
LIMIT 1;
