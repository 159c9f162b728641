-- After a rollback has ended, mark the batches that it undid, and the plans with no other batch in force or open.
-- Idempotent. A rollback that was cancelled or superseded marks nothing: some rows are still in force, and the next rollback
-- of them marks the batches. A batch that changed more rows after the rollback was recorded is not marked either.
WITH undone AS (
    UPDATE stage_migration_batches b
    SET status = 'rolled_back', updated_at = now()
    FROM stage_migration_plans r
    JOIN stage_migration_rollback_batches u USING (plan_id)
    WHERE r.plan_id = %(plan_id)s AND r.kind = 'rollback' AND r.status = 'completed'
      AND NOT EXISTS (SELECT 1 FROM stage_migration_batches own WHERE own.plan_id = r.plan_id AND own.status = 'cancelled')
      AND b.batch_id = u.batch_id AND b.rows_updated = u.rows_updated
      AND b.status IN ('completed', 'failed', 'cancelled')
    RETURNING b.batch_id, b.plan_id
), settled AS (
    UPDATE stage_migration_quarantine q
    SET resolved_at = now(), resolution = 'rolled_back'
    FROM undone u
    WHERE q.batch_id = u.batch_id AND q.resolved_at IS NULL
)
UPDATE stage_migration_plans p
SET status = 'rolled_back', completed_at = now()
WHERE p.plan_id IN (SELECT plan_id FROM undone)
  AND NOT EXISTS (SELECT 1 FROM stage_migration_batches b
                  WHERE b.plan_id = p.plan_id AND b.status <> 'rolled_back'
                    AND (b.status IN ('pending', 'running', 'failed') OR b.rows_updated > 0)
                    AND b.batch_id NOT IN (SELECT batch_id FROM undone));
