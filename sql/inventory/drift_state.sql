-- Whether a look for new messy spellings makes sense now: the last verification of all funds, and what stands before a
-- new plan, that is an open plan with batches that wait, or a draft newer than that verification.
-- Promise: exactly one row; reads no target.
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
