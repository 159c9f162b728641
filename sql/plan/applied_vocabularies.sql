-- Read the vocabularies of the plans that were opened and not rolled back, each with its newest plan, newest first.
-- Plans that changed no row count too: their decisions are in force, for example which spellings are kept.
SELECT max(p.plan_id) AS plan_id, v.content
FROM stage_migration_plans p
JOIN stage_migration_vocabularies v USING (vocabulary_version)
WHERE p.kind = 'normalize' AND p.opened_at IS NOT NULL AND p.status <> 'rolled_back'
GROUP BY v.vocabulary_version
ORDER BY max(p.opened_at) DESC, max(p.plan_id) DESC;
