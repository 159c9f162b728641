-- Read the places (from 1) in a batch of its rows that are in quarantine.
SELECT m.place::integer
FROM stage_migration_batch_members b
CROSS JOIN LATERAL unnest(coalesce(b.row_numbers::text[], b.row_keys)) WITH ORDINALITY AS m (row_id, place)
JOIN stage_migration_quarantine q
  ON q.batch_id = b.batch_id AND q.row_id = m.row_id AND q.resolved_at IS NULL
WHERE b.batch_id = %(batch_id)s
ORDER BY m.place;
