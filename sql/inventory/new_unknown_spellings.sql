-- Of the digests of unknown spellings in a target, those that were not there when the data was last verified: that the
-- newest plan over all funds before that verification did not count as unknown. Without such a plan, all of them.
-- Reads the tracking tables only.
WITH verified AS (
    SELECT max(created_at) AS created_at FROM stage_verifications WHERE (scope ->> 'all_funds')::boolean
), plan AS (
    SELECT t.plan_id, t.target_no
    FROM stage_migration_plan_targets t
    JOIN stage_migration_plans p USING (plan_id)
    JOIN verified v ON p.created_at <= v.created_at
    WHERE concat_ws('.', t.schema_name, t.table_name, t.column_name) = %(target)s
      AND p.kind = 'normalize' AND (p.scope ->> 'all_funds')::boolean
    ORDER BY p.plan_id DESC
    LIMIT 1
)
SELECT asked.digest
FROM unnest(%(digests)s::bytea[]) AS asked (digest)
WHERE NOT EXISTS (SELECT 1
                  FROM plan
                  JOIN stage_migration_spellings s ON s.spelling_sha256 = asked.digest
                  JOIN stage_migration_baseline b ON b.plan_id = plan.plan_id AND b.target_no = plan.target_no
                                                 AND b.spelling_id = s.spelling_id
                  WHERE b.kind = 'unknown');
