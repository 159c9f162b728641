-- Record what a rehearsal on a clone measured.
-- Guarantees: append-only; the database fills in who and when.
INSERT INTO stage_migration_rehearsals
    (plan_id, content_sha256, clone_name, batches, rows_updated, rows_skipped, rows_refused, duration_ms, slowest_batch_ms,
     wal_bytes, effects)
VALUES (%(plan_id)s, decode(%(content_sha256)s, 'hex'), %(clone_name)s, %(batches)s, %(rows_updated)s, %(rows_skipped)s,
        %(rows_refused)s, %(duration_ms)s, %(slowest_batch_ms)s, %(wal_bytes)s, %(effects)s::jsonb)
RETURNING rehearsed_at, rehearsed_by;
