-- Update a runner: whether it is throttled, and its session. Clears `ended_at`, which another runner may have set by
-- mistake while this one reconnected.
UPDATE stage_migration_runners r
SET held_since = %(held_since)s, hold_reason = %(hold_reason)s, updated_at = now(), ended_at = NULL,
    backend_pid = a.pid, backend_start = a.backend_start
FROM (VALUES (1)) AS one
LEFT JOIN pg_stat_activity a ON a.pid = pg_backend_pid() AND a.pid = %(client_pid)s
WHERE r.runner_id = %(runner_id)s;
