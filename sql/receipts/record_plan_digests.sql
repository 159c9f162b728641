-- Record the contents of plans that were just closed.
-- Guarantees: append-only; a plan that has a digest keeps it.
INSERT INTO stage_migration_plan_digests
    (plan_id, receipts, receipts_sha256, baseline_sha256, mapping_sha256, members_sha256, plan_sha256)
SELECT plan_id, receipts, receipts_sha256, baseline_sha256, mapping_sha256, members_sha256, plan_sha256
FROM ({plan_digest}) AS d
ON CONFLICT (plan_id) DO NOTHING;
