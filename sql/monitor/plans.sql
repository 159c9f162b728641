-- All open plans and the five newest ones with their progress, newest first.
SELECT p.plan_id, p.kind, p.status, p.created_at, p.created_by, p.scope, p.batch_size, p.vocabulary_version, p.total_batches,
       p.rows_to_change,
       coalesce(sum(b.rows_updated), 0)::bigint AS rows_updated,
       coalesce(sum(b.rows_skipped), 0)::bigint AS rows_skipped,
       coalesce(sum(b.rows_failed) FILTER (WHERE b.status = 'failed'), 0)::bigint AS rows_failed,
       count(*) FILTER (WHERE b.status IN ('pending', 'running', 'failed')) AS batches_left
FROM stage_migration_plans p
LEFT JOIN stage_migration_batches b USING (plan_id)
WHERE p.status = 'open' OR p.plan_id IN (SELECT plan_id FROM stage_migration_plans ORDER BY plan_id DESC LIMIT 5)
GROUP BY p.plan_id
ORDER BY p.plan_id DESC;
