-- Record a new runner, and the end of runners whose session is gone. Behind a pooler a client does not know the process
-- number of its session, and the session outlives the client, so no end is recorded there.
WITH gone AS (
    UPDATE stage_migration_runners r
    SET ended_at = now(), updated_at = now()
    FROM stage_migration_current_runners c
    WHERE c.runner_id = r.runner_id AND NOT c.is_alive
)
INSERT INTO stage_migration_runners (worker, run_by, plan_id, backend_pid, backend_start)
SELECT %(worker)s, %(run_by)s, %(plan_id)s, pid, backend_start
FROM (VALUES (1)) AS one
LEFT JOIN pg_stat_activity ON pid = pg_backend_pid() AND pid = %(client_pid)s
RETURNING runner_id;
