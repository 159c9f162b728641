-- Open or completed plans that have fewer planned rows in their batches than they were recorded with: batches were deleted.
SELECT p.plan_id, p.rows_to_change, coalesce(sum(b.rows_planned), 0)::bigint AS rows_in_batches
FROM stage_migration_plans p
LEFT JOIN stage_migration_batches b USING (plan_id)
WHERE p.plan_id = ANY (%(plans)s::bigint[]) AND p.status = 'open'
GROUP BY p.plan_id
HAVING coalesce(sum(b.rows_planned), 0) <> p.rows_to_change
ORDER BY p.plan_id;
