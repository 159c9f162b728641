-- Find plans that were closed after digests were introduced but have none: it was deleted.
SELECT p.plan_id
FROM stage_migration_plans p
JOIN stage_migration_versions v ON v.file_name = '20261126_stage_receipts.sql' AND p.completed_at > v.applied_at
WHERE p.plan_id = ANY (%(plans)s::bigint[]) AND p.status IN ('completed', 'rolled_back')
  AND NOT EXISTS (SELECT 1 FROM stage_migration_plan_digests d WHERE d.plan_id = p.plan_id)
  -- A plan that was closed before that and rolled back later has a newer time but no digest.
  AND NOT (p.status = 'rolled_back' AND NOT EXISTS (SELECT 1 FROM stage_migration_receipts e WHERE e.plan_id = p.plan_id))
ORDER BY p.plan_id;
