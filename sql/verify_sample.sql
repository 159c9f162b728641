-- A uniform random sample of the audit log's entries, the same for the same seed.
SELECT l.id AS audit_id, t.target, l.row_id, l.fund_id, l.action, l.stage_before, l.stage_after, l.run_at
FROM stage_normalization_log l
JOIN unnest(%(targets)s::text[], %(first_plans)s::bigint[]) AS t (target, first_plan)
     ON t.target = concat_ws('.', l.schema_name, l.table_name, l.column_name) AND l.plan_id >= t.first_plan
WHERE l.plan_id >= %(first_plan)s AND l.action IN ('normalize', 'rollback')
  AND (%(all_funds)s OR l.fund_id IS NOT DISTINCT FROM %(fund_id)s::text)
ORDER BY hashint8extended(l.id, %(seed)s), l.id
LIMIT %(size)s;
