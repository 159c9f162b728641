-- Read what decides whether the role that logged in may approve a plan.
-- Guarantees: reads only.
SELECT session_user::text AS approver, made.author, given.approved_by,
       has_column_privilege('stage_migration_approvals'::regclass, 'plan_id', 'INSERT') AS may_approve
FROM stage_migration_plans p
LEFT JOIN stage_migration_plan_authors made USING (plan_id)
LEFT JOIN stage_migration_approvals given USING (plan_id)
WHERE p.plan_id = %(plan_id)s;
