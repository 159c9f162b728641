-- Funds with waiting batches in open normalizing plans: how many batches, how many rows they still change (of a failed
-- batch, its refused rows), and how many of the batches failed before.
-- Reads only the waiting batches, however many finished ones there are.
SELECT b.fund_id,
       count(*)                                             AS batches,
       sum(coalesce(b.rows_failed, b.rows_planned))::bigint AS rows_waiting,
       count(*) FILTER (WHERE b.status = 'failed')          AS batches_failed
FROM stage_migration_batches b
JOIN stage_migration_plans p USING (plan_id)
WHERE p.status = 'open' AND p.kind = 'normalize' AND b.status IN ('pending', 'running', 'failed')
GROUP BY b.fund_id;
