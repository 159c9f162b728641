-- Plans with their progress, newest first: all of them up to a number, or one.
SELECT p.plan_id, p.kind, p.status, p.created_at, p.created_by, p.opened_at, p.completed_at, p.scope, p.batch_size,
       p.vocabulary_version, p.code_version, p.total_batches, p.rows_seen, p.rows_unknown, p.rows_to_change,
       made.author, given.approved_by, given.approved_at, given.ticket,
       b.rows_updated, b.rows_skipped, b.rows_failed, b.batches_completed, b.batches_left, b.batches_failed
FROM stage_migration_plans p
LEFT JOIN stage_migration_plan_authors made USING (plan_id)
LEFT JOIN stage_migration_approvals given USING (plan_id)
CROSS JOIN LATERAL (
    SELECT coalesce(sum(rows_updated), 0)::bigint AS rows_updated,
           coalesce(sum(rows_skipped), 0)::bigint AS rows_skipped,
           coalesce(sum(rows_failed) FILTER (WHERE status = 'failed'), 0)::bigint AS rows_failed,
           count(*) FILTER (WHERE status = 'completed') AS batches_completed,
           count(*) FILTER (WHERE status IN ('pending', 'running', 'failed')) AS batches_left,
           count(*) FILTER (WHERE status = 'failed') AS batches_failed
    FROM stage_migration_batches
    WHERE plan_id = p.plan_id) b
WHERE %(plan_id)s::bigint IS NULL OR p.plan_id = %(plan_id)s::bigint
ORDER BY p.plan_id DESC
LIMIT %(most)s;
