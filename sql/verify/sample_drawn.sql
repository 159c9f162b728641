-- Read the audit log entries whose ids were drawn at random, in any order.
-- The CTE looks up the ids first. Joined as a relation, they were compared with every entry of a log without statistics.
WITH drawn AS MATERIALIZED (
    SELECT * FROM stage_normalization_log WHERE id = ANY (%(ids)s::bigint[])
)
SELECT l.id AS audit_id, t.target, l.row_id, l.fund_id, l.action, l.stage_before, l.stage_after, l.run_at
FROM drawn l
JOIN unnest(%(targets)s::text[]) AS t (target) ON t.target = concat_ws('.', l.schema_name, l.table_name, l.column_name)
WHERE l.id > %(after_id)s AND l.plan_id IS NOT NULL AND l.action IN ('normalize', 'rollback')
  AND (%(all_funds)s OR l.fund_id IS NOT DISTINCT FROM %(fund_id)s::text);
