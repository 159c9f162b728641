-- Of some rows of a backup those that do not hold now what they held then, each with its place among them.
-- Promise: reads only. `was_planned`: a recorded plan mapped the stage of then to the one of now.
SELECT f.place, {key} IS NULL AS is_gone, left({stage}, 1000) AS stage_now,
       EXISTS (SELECT 1
               FROM stage_migration_spellings s
               JOIN stage_migration_plan_spellings p USING (spelling_id)
               WHERE s.spelling_sha256 = sha256(convert_to(f.stage, 'UTF8')) AND p.stage_after = {stage}) AS was_planned
FROM unnest(%(keys)s::text[], %(stages)s::text[]) WITH ORDINALITY AS f (row_id, stage, place)
LEFT JOIN {table} AS t ON {key} = f.row_id::{key_type}
WHERE {key} IS NULL OR {stage} IS DISTINCT FROM f.stage
ORDER BY f.place;
