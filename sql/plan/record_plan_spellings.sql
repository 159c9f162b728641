-- Record the mapping that the plan was made with.
INSERT INTO stage_migration_plan_spellings (plan_id, spelling_id, stage_after)
SELECT %(plan_id)s, m.spelling_id, m.stage_after
FROM unnest(%(spelling_ids)s::integer[], %(stages)s::text[]) AS m (spelling_id, stage_after)
ON CONFLICT DO NOTHING;
