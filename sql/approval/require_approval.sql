-- Read whether a plan may be applied, and what an error about it should name.
-- Guarantees: reads only.
SELECT {is_approved} AS is_approved, made.author
FROM stage_migration_plans p
LEFT JOIN stage_migration_plan_authors made USING (plan_id)
WHERE p.plan_id = %(plan_id)s;
