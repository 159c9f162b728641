-- Plans that have fewer planned rows in their batches than they were recorded with: batches were deleted.
-- A later plan of the same targets and fund, or of all funds, planned anew what they held, and settles it.
SELECT p.plan_id, p.rows_to_change, coalesce(sum(b.rows_planned), 0)::bigint AS rows_in_batches
FROM stage_migration_plans p
LEFT JOIN stage_migration_batches b USING (plan_id)
WHERE p.plan_id = ANY (%(plans)s::bigint[])
  AND NOT EXISTS (SELECT 1 FROM stage_migration_plans later
                  WHERE later.plan_id = ANY (%(plans)s::bigint[]) AND later.plan_id > p.plan_id
                    AND later.scope -> 'targets' @> (p.scope -> 'targets')
                    AND ((later.scope ->> 'all_funds')::boolean OR later.scope - 'targets' = p.scope - 'targets'))
GROUP BY p.plan_id
HAVING coalesce(sum(b.rows_planned), 0) <> p.rows_to_change
ORDER BY p.plan_id;
