-- The last verification of all funds, and what makes a scan for drift useless now: an open plan with waiting batches,
-- or a draft that is newer than that verification.
-- Returns exactly one row. Reads no target.
WITH verified AS (
    SELECT max(verification_id) AS verification_id, max(created_at) AS created_at
    FROM stage_verifications
    WHERE (scope ->> 'all_funds')::boolean
)
SELECT verified.verification_id,
       (SELECT max(b.plan_id) FROM stage_migration_batches b JOIN stage_migration_plans p USING (plan_id)
        WHERE p.status = 'open' AND b.status IN ('pending', 'running', 'failed')) AS open_plan_id,
       (SELECT max(p.plan_id) FROM stage_migration_plans p
        WHERE p.status = 'draft' AND p.kind = 'normalize' AND p.created_at > verified.created_at) AS draft_plan_id
FROM verified;
