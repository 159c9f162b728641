-- Release the quarantined rows that a retry took and that were not refused again (those are at the places `refused`).
-- A row with an audit row of this transaction was updated; any other was skipped.
UPDATE stage_migration_quarantine q
SET resolved_at = now(),
    resolution = CASE WHEN EXISTS (SELECT 1 FROM stage_normalization_log l
                                   WHERE l.plan_id = q.plan_id AND l.batch_id = q.batch_id AND l.row_id = q.row_id
                                     AND l.run_at = now())
                      THEN 'updated' ELSE 'skipped' END
WHERE q.batch_id = %(batch_id)s AND q.resolved_at IS NULL
  AND q.row_id NOT IN (SELECT coalesce(m.row_number::text, m.row_key)
                       FROM stage_migration_batch_members b
                       CROSS JOIN LATERAL unnest(b.row_numbers, b.row_keys) WITH ORDINALITY AS m (row_number, row_key, place)
                       WHERE b.batch_id = %(batch_id)s AND m.place = ANY (%(refused)s::bigint[]));
