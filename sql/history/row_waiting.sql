-- Find the open batches that hold a row: the spelling that the plan saw, and what the row becomes.
-- Reads the members of all open batches of the target.
SELECT b.plan_id, b.batch_number, b.status, seen.spelling AS stage_before, coalesce(restored.spelling, m.stage_after) AS stage_after
FROM stage_migration_plans p
JOIN stage_migration_batches b USING (plan_id)
JOIN stage_migration_batch_members holds ON holds.batch_id = b.batch_id
CROSS JOIN LATERAL (
    SELECT spelling_id, restore_id
    FROM unnest(holds.{members}, holds.spelling_ids, holds.restore_ids) AS one (row_key, spelling_id, restore_id)
    WHERE row_key = %(row_id)s::{member_type}
) AS one
JOIN stage_migration_spellings seen ON seen.spelling_id = one.spelling_id
LEFT JOIN stage_migration_spellings restored ON restored.spelling_id = one.restore_id
LEFT JOIN stage_migration_plan_spellings m ON m.plan_id = p.plan_id AND m.spelling_id = one.spelling_id
WHERE p.status = 'open' AND b.status IN ('pending', 'running', 'failed')
  AND (b.schema_name, b.table_name, b.column_name) = (%(schema_name)s, %(table_name)s, %(column_name)s)
ORDER BY b.plan_id, b.batch_number;
