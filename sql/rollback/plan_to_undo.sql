-- Read a plan to roll back, with its targets.
SELECT p.kind, p.status, (p.scope ->> 'all_funds')::boolean AS all_funds, p.scope ->> 'fund_id' AS fund_id,
       array_agg(concat_ws('.', t.schema_name, t.table_name, t.column_name) ORDER BY t.target_no) AS targets
FROM stage_migration_plans p
JOIN stage_migration_plan_targets t USING (plan_id)
WHERE p.plan_id = %(plan_id)s
GROUP BY p.plan_id;
