-- After a rollback has ended: the batches that it undid say so, and the plans of which nothing else stands or waits.
-- Promise: idempotent. A rollback that was cancelled before its end, or superseded, marks nothing: some of the rows still
-- stand, and the next rollback of them marks. Nor is a batch marked that has changed more rows since the rollback was
-- recorded: it was at work then.
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
