-- Approve a plan as the role that logged in.
-- Guarantees: the database fills in the approver and the time. Inserts nothing for the author of the plan, for a plan whose
-- author is not recorded, and for a plan that is approved already.
INSERT INTO stage_migration_approvals (plan_id, ticket, content_sha256)
SELECT held.plan_id, %(ticket)s, sha256(held.mapping_sha256 || held.members_sha256)
FROM ({plan_digest}) AS held
JOIN stage_migration_plan_authors made USING (plan_id)
WHERE made.author <> session_user
ON CONFLICT DO NOTHING
RETURNING approved_by, content_sha256;
