-- The batch as it stands now that its lock is held, and whether somebody paused all work.
SELECT b.status, b.rows_planned, b.rows_updated, b.rows_skipped_changed, b.rows_skipped_deleted, b.rows_failed, b.worker,
       b.duration_ms, p.status AS plan_status
FROM stage_migration_batches b
JOIN stage_migration_plans p USING (plan_id)
WHERE b.batch_id = %(batch_id)s
FOR NO KEY UPDATE OF b;
