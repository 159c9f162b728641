-- Log entries that belong to no receipt, by batch; the first batches of `total`. Entries without a plan belong to other
-- tools and do not count.
-- Promise: the same conditions as sql/receipts/compare_receipts.sql. Asked only where the counts say that there are any.
SELECT l.plan_id, l.batch_id, l.action, concat_ws('.', l.schema_name, l.table_name, l.column_name) AS target, l.fund_id,
       count(*) AS found, count(*) OVER () AS total
FROM stage_normalization_log l
LEFT JOIN stage_migration_receipts r
       ON l.batch_id = r.batch_id AND l.plan_id = r.plan_id AND l.run_at = r.recorded_at AND l.action = r.action
      AND l.id BETWEEN r.first_log_id AND r.last_log_id
      AND (l.schema_name, l.table_name, l.column_name) = (r.schema_name, r.table_name, r.column_name)
      AND l.fund_id IS NOT DISTINCT FROM r.fund_id
WHERE r.receipt_id IS NULL AND l.id > greatest(%(since)s, %(legacy)s) AND l.plan_id IS NOT NULL
  AND l.action IN ('normalize', 'rollback')
  AND concat_ws('.', l.schema_name, l.table_name, l.column_name) = ANY (%(targets)s::text[])
  AND (%(all_funds)s OR l.fund_id IS NOT DISTINCT FROM %(fund_id)s::text)
GROUP BY l.plan_id, l.batch_id, l.action, l.schema_name, l.table_name, l.column_name, l.fund_id
ORDER BY l.batch_id, l.plan_id
LIMIT %(shown)s;
