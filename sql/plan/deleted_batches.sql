-- Count which of these batches were deleted, with one look-up by primary key for each.
SELECT count(*)
FROM unnest(%(batch_ids)s::bigint[]) AS wanted (batch_id)
WHERE NOT EXISTS (SELECT 1 FROM stage_migration_batches b WHERE b.batch_id = wanted.batch_id);
