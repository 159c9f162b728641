-- Find plans that were deleted in whole or in part, each with its `problem`:
--   `plan`: log entries, receipts or a digest name the plan, but it does not exist;
--   `baseline`: the plan counted rows when it was made, but its targets or counts were deleted.
-- The digest of a deleted plan does not say which targets the plan had, so it counts in every scope.
WITH named AS (
    SELECT plan_id FROM unnest(%(logged_plans)s::bigint[]) AS logged (plan_id)
    UNION
    SELECT e.plan_id FROM stage_migration_receipts e
    WHERE concat_ws('.', e.schema_name, e.table_name, e.column_name) = ANY (%(targets)s::text[])
      AND (%(all_funds)s OR e.fund_id IS NOT DISTINCT FROM %(fund_id)s::text)
      AND (e.last_log_id > %(after_id)s
           OR e.last_log_id IS NULL AND coalesce(e.recorded_at >= %(opened_from)s::timestamptz, true))
    UNION
    SELECT d.plan_id FROM stage_migration_plan_digests d
    WHERE coalesce(d.recorded_at >= %(opened_from)s::timestamptz, true)
      AND NOT EXISTS (SELECT 1 FROM stage_migration_receipts e WHERE e.plan_id = d.plan_id)
)
SELECT plan_id, 'plan' AS problem
FROM named
WHERE NOT EXISTS (SELECT 1 FROM stage_migration_plans p WHERE p.plan_id = named.plan_id)
UNION ALL
SELECT p.plan_id, 'baseline'
FROM stage_migration_plans p
WHERE p.plan_id = ANY (%(plans)s::bigint[]) AND p.kind = 'normalize' AND p.rows_seen > 0
  AND p.rows_seen IS DISTINCT FROM (SELECT sum(b.rows_counted) FROM stage_migration_baseline b WHERE b.plan_id = p.plan_id)
ORDER BY plan_id;
