-- After a rollback has ended: the batches that it undid say so, and the plans of which nothing else is left.
-- Promise: idempotent; a batch counts as undone when it lies in the scope of a completed rollback.
WITH undone AS (
    UPDATE stage_migration_batches b
    SET status = 'rolled_back', updated_at = now()
    FROM stage_migration_plans r, stage_migration_plan_targets t
    WHERE r.plan_id = %(plan_id)s AND r.kind = 'rollback' AND r.status = 'completed'
      AND t.plan_id = r.plan_id AND b.plan_id < r.plan_id
      AND (t.schema_name, t.table_name, t.column_name) = (b.schema_name, b.table_name, b.column_name)
      AND ((r.scope ->> 'all_funds')::boolean OR b.fund_id IS NOT DISTINCT FROM r.scope ->> 'fund_id')
      AND coalesce(b.plan_id = (r.scope #>> '{{rollback,plan_id}}')::bigint, true)
      AND coalesce(b.batch_id = (r.scope #>> '{{rollback,batch_id}}')::bigint, true)
      AND coalesce(b.started_at >= (r.scope #>> '{{rollback,since}}')::timestamptz, true)
      AND b.rows_updated IS NOT NULL AND b.status IN ('completed', 'failed', 'cancelled')
      AND EXISTS (SELECT 1 FROM stage_migration_plans p WHERE p.plan_id = b.plan_id AND p.kind = 'normalize')
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
                  WHERE b.plan_id = p.plan_id AND b.status NOT IN ('rolled_back', 'cancelled')
                    AND b.batch_id NOT IN (SELECT batch_id FROM undone));
