-- Open a draft. A plan without batches has nothing to do and is completed at once.
-- Guarantees: changes nothing unless the plan is a draft. `opened_at` is the clock's time, because the transaction may have
-- started long before: verification orders plans by it, and compares it with the time of a signed verification.
UPDATE stage_migration_plans
SET status = CASE WHEN total_batches = 0 THEN 'completed' ELSE 'open' END,
    opened_at = clock_timestamp(),
    completed_at = CASE WHEN total_batches = 0 THEN clock_timestamp() END
WHERE plan_id = %(plan_id)s AND status = 'draft'
RETURNING status, kind;
