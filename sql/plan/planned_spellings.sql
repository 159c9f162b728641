-- Read the mapping of a plan with the text of each spelling.
-- Guarantees: reads only.
SELECT spelling_id, s.spelling_sha256, s.spelling, p.stage_after
FROM stage_migration_plan_spellings p
JOIN stage_migration_spellings s USING (spelling_id)
WHERE p.plan_id = %(plan_id)s
ORDER BY spelling_id;
