-- Fragment: the members of batches, with the spelling that each holds and the stage that it gets.
-- `places` NULL: whole batches; else only the members at those places. The plan's mapping says what a member becomes; in a
-- rollback the member itself says it. Places are compared as bigint, the type of ORDINALITY: only then PostgreSQL hashes them.
SELECT b.batch_id, m.row_key::{key_type} AS row_key, s.spelling, coalesce(p.stage_after, r.spelling) AS stage_after, m.place
FROM stage_migration_batch_members b
CROSS JOIN LATERAL unnest(b.{member_column}, b.spelling_ids, b.restore_ids)
     WITH ORDINALITY AS m (row_key, spelling_id, restore_id, place)
JOIN stage_migration_spellings s ON s.spelling_id = m.spelling_id
LEFT JOIN stage_migration_plan_spellings p ON p.plan_id = %(plan_id)s AND p.spelling_id = m.spelling_id
LEFT JOIN stage_migration_spellings r ON r.spelling_id = m.restore_id
WHERE b.batch_id = ANY (%(batch_ids)s::bigint[])
  AND (%(places)s::bigint[] IS NULL OR m.place = ANY (%(places)s::bigint[]))
