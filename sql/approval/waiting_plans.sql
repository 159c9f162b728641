-- List the drafts and open plans that wait for an approval, oldest first. None while no approval is required.
-- Guarantees: reads only.
SELECT p.plan_id, p.created_at, p.total_batches, p.rows_to_change, made.author
FROM stage_migration_plans p
LEFT JOIN stage_migration_plan_authors made USING (plan_id)
WHERE p.status IN ('draft', 'open') AND p.total_batches > 0 AND NOT {is_approved}
ORDER BY p.plan_id;
