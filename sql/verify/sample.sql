-- Draw a uniform random sample of the audit log entries. The same seed draws the same entries.
SELECT l.id AS audit_id, t.target, l.row_id, l.fund_id, l.action, l.stage_before, l.stage_after, l.run_at
FROM stage_normalization_log l
JOIN unnest(%(targets)s::text[]) AS t (target) ON t.target = concat_ws('.', l.schema_name, l.table_name, l.column_name)
WHERE l.id > %(after_id)s AND l.plan_id IS NOT NULL AND l.action IN ('normalize', 'rollback')
  AND (%(all_funds)s OR l.fund_id IS NOT DISTINCT FROM %(fund_id)s::text)
ORDER BY hashint8extended(l.id, %(seed)s), l.id
LIMIT %(size)s;
