-- The mapping that a plan was made with. A spelling is cut to 1,000 characters, with an ellipsis.
SELECT left(s.spelling, 1000) || CASE WHEN length(s.spelling) > 1000 THEN '…' ELSE '' END AS spelling, m.stage_after
FROM stage_migration_plan_spellings m
JOIN stage_migration_spellings s USING (spelling_id)
WHERE m.plan_id = %(plan_id)s
ORDER BY m.stage_after COLLATE "C", s.spelling COLLATE "C";
