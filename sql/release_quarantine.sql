-- Settle the quarantined rows that a retry took and that were not refused again (those were stamped in this transaction).
-- A row that has an audit row of this batch was updated, any other was skipped.
UPDATE stage_migration_quarantine q
SET resolved_at = now(),
    resolution = CASE WHEN EXISTS (SELECT 1 FROM stage_normalization_log l
                                   WHERE l.plan_id = q.plan_id AND l.batch_id = q.batch_id AND l.row_id = q.row_id
                                     AND l.run_at = now())
                      THEN 'updated' ELSE 'skipped' END
WHERE q.batch_id = %(batch_id)s AND q.resolved_at IS NULL AND q.quarantined_at < now();
