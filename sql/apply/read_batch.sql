-- Read and lock batches after their advisory locks were taken, in the order of their numbers.
SELECT b.status, b.rows_planned, b.rows_updated, b.rows_skipped_changed, b.rows_skipped_deleted, b.rows_failed, b.worker,
       b.duration_ms, p.status AS plan_status
FROM stage_migration_batches b
JOIN stage_migration_plans p USING (plan_id)
WHERE b.batch_id = ANY (%(batch_ids)s::bigint[])
ORDER BY b.batch_id
FOR NO KEY UPDATE OF b;
