-- Rows of one fund that open normalizing plans still change (of a failed batch, its refused rows).
SELECT coalesce(sum(coalesce(b.rows_failed, b.rows_planned)), 0) AS rows_waiting
FROM stage_migration_batches b
JOIN stage_migration_plans p USING (plan_id)
WHERE p.status = 'open' AND p.kind = 'normalize' AND b.status IN ('pending', 'running', 'failed')
  AND b.fund_id IS NOT DISTINCT FROM %(fund_id)s::text;
