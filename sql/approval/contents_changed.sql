-- Tell whether the approved contents of a plan differ from what the tables hold now. No row for a plan without an approval.
-- Guarantees: reads only. Reads the members of every batch of the plan.
SELECT given.content_sha256 <> sha256(now_held.mapping_sha256 || now_held.members_sha256) AS is_changed
FROM stage_migration_approvals given
JOIN ({plan_digest}) AS now_held USING (plan_id);
