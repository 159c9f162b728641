-- Read which sessions wait for locks of this session, and for how long. Used just before a batch commits.
-- Guarantees: one pass over the lock table; pg_blocking_pids is called only for sessions that wait.
SELECT pid, coalesce((extract(epoch FROM clock_timestamp() - waitstart) * 1000)::bigint, 0) AS waited_ms
FROM (SELECT DISTINCT ON (pid) pid, waitstart FROM pg_locks WHERE NOT granted ORDER BY pid, waitstart) AS waiting
WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid));
