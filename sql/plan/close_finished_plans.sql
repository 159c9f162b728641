-- Close the plans without waiting batches: as completed, or as cancelled if none of their batches has a result.
-- Guarantees: idempotent. It is not part of a batch's transaction, so that two runners that end at the same time cannot
-- both miss it.
UPDATE stage_migration_plans p
SET status = CASE WHEN EXISTS (SELECT 1 FROM stage_migration_batches b
                               WHERE b.plan_id = p.plan_id AND b.rows_updated IS NOT NULL)
                  THEN 'completed' ELSE 'cancelled' END,
    completed_at = now()
WHERE p.status = 'open'
  AND NOT EXISTS (SELECT 1 FROM stage_migration_batches b
                  WHERE b.plan_id = p.plan_id AND b.status IN ('pending', 'running', 'failed'))
RETURNING p.plan_id, p.kind, p.status;
