-- Open a draft for applying. A plan without batches has nothing left to do and is completed at once.
-- Promise: changes nothing unless the plan is a draft.
UPDATE stage_migration_plans
SET status = CASE WHEN total_batches = 0 THEN 'completed' ELSE 'open' END,
    opened_at = now(),
    completed_at = CASE WHEN total_batches = 0 THEN now() END
WHERE plan_id = %(plan_id)s AND status = 'draft'
RETURNING status, kind;
