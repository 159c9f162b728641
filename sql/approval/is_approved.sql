-- Fragment: whether plan `p` (plan_id, kind) may be applied: no approval is required, or another role than its author gave one.
-- A rollback needs none: it restores what the audit log has.
(p.kind = 'rollback'
 OR NOT coalesce((SELECT required FROM stage_migration_approval_rules ORDER BY rule_id DESC LIMIT 1), false)
 OR EXISTS (SELECT 1
            FROM stage_migration_approvals given
            JOIN stage_migration_plan_authors made USING (plan_id)
            WHERE given.plan_id = p.plan_id AND given.approved_by <> made.author))
