-- Return the hash of what a plan changes, as approvals and rehearsals keep it.
-- Guarantees: reads only. Reads the members of every batch of the plan.
SELECT sha256(mapping_sha256 || members_sha256) AS content_sha256
FROM ({plan_digest}) AS held;
