-- Open a draft for applying. A plan without batches has nothing left to do and is completed at once.
-- Promise: changes nothing unless the plan is a draft. The time is the clock's and not the transaction's, which can have begun
-- long before: verification orders plans by it, and asks whether one was opened before or after a signed verification.
UPDATE stage_migration_plans
SET status = CASE WHEN total_batches = 0 THEN 'completed' ELSE 'open' END,
    opened_at = clock_timestamp(),
    completed_at = CASE WHEN total_batches = 0 THEN clock_timestamp() END
WHERE plan_id = %(plan_id)s AND status = 'draft'
RETURNING status, kind;
