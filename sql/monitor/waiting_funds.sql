-- The funds with batches that wait in open normalizing plans: how many, their rows still to do (of a failed batch, its
-- refused rows), and how many of them failed before.
-- Promise: reads the waiting batches alone, whatever the number of finished ones.
SELECT b.fund_id,
       count(*)                                             AS batches,
       sum(coalesce(b.rows_failed, b.rows_planned))::bigint AS rows_waiting,
       count(*) FILTER (WHERE b.status = 'failed')          AS batches_failed
FROM stage_migration_batches b
JOIN stage_migration_plans p USING (plan_id)
WHERE p.status = 'open' AND p.kind = 'normalize' AND b.status IN ('pending', 'running', 'failed')
GROUP BY b.fund_id;
