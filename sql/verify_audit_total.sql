-- How many changes the audit log holds of a target since the first covered plan.
SELECT count(*) FILTER (WHERE l.action = 'normalize') AS normalized,
       count(*) FILTER (WHERE l.action = 'rollback')  AS rolled_back
FROM stage_normalization_log l
WHERE l.plan_id >= %(first_plan)s
  AND (l.schema_name, l.table_name, l.column_name) = (%(schema_name)s, %(table_name)s, %(column_name)s)
  AND (%(all_funds)s OR l.fund_id IS NOT DISTINCT FROM %(fund_id)s::text);
