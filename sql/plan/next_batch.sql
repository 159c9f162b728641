-- Find the first waiting batches after (plan, number), in open plans and in the scope, at most `limit`.
-- None while all work is paused, unless `even_if_paused`.
-- Also a part of apply/claim_next, so without a semicolon.
-- Guarantees: reads a few rows of the waiting batches, however many batches are finished.
SELECT b.plan_id, b.batch_id, b.batch_number, b.schema_name, b.table_name, b.column_name, b.fund_id,
       b.rows_planned, b.status, b.rows_updated IS NOT NULL OR b.status = 'failed' AS was_tried, p.total_batches, p.kind
FROM stage_migration_batches b
JOIN stage_migration_plans p USING (plan_id)
WHERE p.status = 'open'
  AND b.status IN ('pending', 'running', 'failed')
  AND (b.plan_id, b.batch_number) > (%(after_plan)s::bigint, %(after_number)s::integer)
  AND (%(plan_id)s::bigint IS NULL OR b.plan_id = %(plan_id)s::bigint)
  AND (%(kind)s::text IS NULL OR p.kind = %(kind)s::text)
  AND {fund_condition}
  AND (%(batch_ids)s::bigint[] IS NULL OR b.batch_id = ANY (%(batch_ids)s::bigint[]))
  AND (%(even_if_paused)s OR NOT EXISTS (SELECT 1 FROM stage_migration_control WHERE paused))
  AND (%(targets)s::text[] IS NULL OR concat_ws('.', b.schema_name, b.table_name, b.column_name) = ANY (%(targets)s::text[]))
ORDER BY b.plan_id, b.batch_number
LIMIT %(limit)s
