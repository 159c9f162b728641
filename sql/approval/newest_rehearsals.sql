-- Read the newest rehearsal of each of the plans `plan_ids`, if the plan still holds what was rehearsed.
-- Guarantees: reads only. Reads the members of every batch of the plans.
SELECT DISTINCT ON (r.plan_id)
       r.plan_id, encode(r.content_sha256, 'hex') AS content_sha256, r.rehearsed_at, r.rehearsed_by, r.clone_name, r.batches,
       r.rows_updated, r.rows_skipped, r.rows_refused, r.duration_ms, r.slowest_batch_ms, r.wal_bytes
FROM stage_migration_rehearsals r
JOIN ({plan_digest}) AS now_held USING (plan_id)
WHERE r.content_sha256 = sha256(now_held.mapping_sha256 || now_held.members_sha256)
ORDER BY r.plan_id, r.rehearsal_id DESC;
