-- Of the members at `places`: count the deleted rows, and list those that still hold the spelling that the plan saw.
-- Runs after apply_rows in the same transaction: a trigger suppressed the update of a row that still holds its spelling.
SELECT count(*) FILTER (WHERE t_key IS NULL)                                          AS deleted,
       coalesce(array_agg(place::integer ORDER BY place) FILTER (WHERE stage = spelling), '{{}}') AS suppressed_places
FROM (
    SELECT m.place, s.spelling, {key} AS t_key, {stage} AS stage
    FROM stage_migration_batch_members b
    CROSS JOIN LATERAL unnest(b.{member_column}, b.spelling_ids) WITH ORDINALITY AS m (row_key, spelling_id, place)
    JOIN stage_migration_spellings s ON s.spelling_id = m.spelling_id
    LEFT JOIN {table} AS t ON {key} = m.row_key::{key_type}
    WHERE b.batch_id = %(batch_id)s
      AND (%(places)s::bigint[] IS NULL OR m.place = ANY (%(places)s::bigint[]))
) AS members;
