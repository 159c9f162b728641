-- Sum up what plans made of a spelling and what rollbacks restored to it, by plan, target and stage, oldest first. Each with
-- the first verification and signature after all of these changes. Entries of other tools may have no plan.
-- One scan of the log, which has no index by spelling.
WITH changes AS MATERIALIZED (
    SELECT l.plan_id, l.action, CASE l.action WHEN 'normalize' THEN l.stage_after ELSE l.stage_before END AS stage,
           concat_ws('.', l.schema_name, l.table_name, l.column_name) AS target,
           count(*) AS row_count, max(l.run_at) AS last_at, max(l.id) AS last_id,
           array_agg(DISTINCT l.run_by ORDER BY l.run_by) AS run_by,
           min(l.fund_id COLLATE "C") AS fund_id,
           count(DISTINCT coalesce('fund ' || l.fund_id, 'no fund')) = 1 AS is_one_fund
    FROM stage_normalization_log l
    WHERE (l.action = 'normalize' AND l.stage_before = %(spelling)s::text COLLATE "C"
           OR l.action = 'rollback' AND l.stage_after = %(spelling)s::text COLLATE "C")
      AND concat_ws('.', l.schema_name, l.table_name, l.column_name) = ANY (%(targets)s::text[])
    GROUP BY 1, 2, 3, 4
)
SELECT c.plan_id, c.action, c.stage, c.target, c.row_count, c.last_at, c.run_by,
       p.created_by AS planned_by, p.created_at AS planned_at, p.vocabulary_version,
       checked.verification_id AS checked_id, checked.verdict AS checked_verdict, checked.created_at AS checked_at,
       signed.verification_id AS signed_id, signed.verdict AS signed_verdict, signed.signed_off_by, signed.signed_off_at
FROM changes c
LEFT JOIN stage_migration_plans p USING (plan_id)
LEFT JOIN LATERAL (SELECT * FROM ({verifications}) AS v ORDER BY verification_id LIMIT 1) AS checked ON true
LEFT JOIN LATERAL (SELECT * FROM ({verifications}) AS v WHERE signed_off_at IS NOT NULL
                   ORDER BY signed_off_at, verification_id LIMIT 1) AS signed ON true
ORDER BY c.last_id;
