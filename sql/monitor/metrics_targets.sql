-- For each target that was ever planned: unknown spellings as its newest plan over all funds counted them, its newest
-- verification over all funds, and its newest backup.
-- Reads no target, and only that one plan's part of the baseline.
SELECT target.name, plan.created_at AS counted_at, counted.unknown_rows, counted.unknown_spellings,
       verified.verdict, verified.created_at AS verified_at, saved.saved_at
FROM (SELECT DISTINCT concat_ws('.', schema_name, table_name, column_name) AS name
      FROM stage_migration_plan_targets) AS target
LEFT JOIN LATERAL (
    SELECT p.plan_id, t.target_no, p.created_at
    FROM stage_migration_plan_targets t
    JOIN stage_migration_plans p USING (plan_id)
    WHERE concat_ws('.', t.schema_name, t.table_name, t.column_name) = target.name
      AND p.kind = 'normalize' AND (p.scope ->> 'all_funds')::boolean
    ORDER BY p.plan_id DESC
    LIMIT 1) AS plan ON true
LEFT JOIN LATERAL (
    SELECT coalesce(sum(s.rows_counted), 0)::bigint AS unknown_rows, count(*) AS unknown_spellings
    FROM (SELECT sum(b.rows_counted) AS rows_counted
          FROM stage_migration_baseline b
          WHERE b.plan_id = plan.plan_id AND b.target_no = plan.target_no AND b.kind = 'unknown'
          GROUP BY b.spelling_id) AS s) AS counted ON true
LEFT JOIN LATERAL (
    SELECT v.verdict, v.created_at
    FROM stage_verifications v
    WHERE v.scope -> 'targets' @> to_jsonb(target.name) AND (v.scope ->> 'all_funds')::boolean
    ORDER BY v.verification_id DESC
    LIMIT 1) AS verified ON true
LEFT JOIN LATERAL (
    SELECT max(s.created_at) AS saved_at FROM stage_migration_backups s WHERE target.name = ANY (s.targets)) AS saved ON true
ORDER BY target.name;
