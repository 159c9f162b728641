-- List the spellings that plans changed, to suggest one for a spelling that none changed. Deleted plans are not counted.
SELECT DISTINCT s.spelling
FROM stage_migration_plan_spellings
JOIN stage_migration_spellings s USING (spelling_id)
ORDER BY s.spelling;
