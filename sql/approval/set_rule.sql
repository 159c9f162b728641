-- Require approvals, or lift the requirement.
-- Guarantees: append-only; adds no row if nothing would change.
INSERT INTO stage_migration_approval_rules (required)
SELECT %(required)s
WHERE %(required)s <> coalesce((SELECT required FROM stage_migration_approval_rules ORDER BY rule_id DESC LIMIT 1), false);
