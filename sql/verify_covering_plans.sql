-- Which of the given plans cover a target, and which of its funds each covers.
SELECT p.plan_id, (p.scope ->> 'all_funds')::boolean AS all_funds, p.scope ->> 'fund_id' AS fund_id
FROM stage_migration_plans p
JOIN stage_migration_plan_targets t USING (plan_id)
WHERE p.plan_id = ANY (%(plans)s::bigint[])
  AND (t.schema_name, t.table_name, t.column_name) = (%(schema_name)s, %(table_name)s, %(column_name)s);
