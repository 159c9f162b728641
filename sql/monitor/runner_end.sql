-- Record that a runner ended.
UPDATE stage_migration_runners
SET ended_at = now(), updated_at = now(), held_since = NULL, hold_reason = NULL
WHERE runner_id = %(runner_id)s;
