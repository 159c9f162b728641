-- Who waits for a lock behind this very session, and for how long: asked just before a batch commits.
-- Promise: costs one pass over the lock table; whom a session waits for is asked only of those that wait.
SELECT pid, coalesce((extract(epoch FROM clock_timestamp() - waitstart) * 1000)::bigint, 0) AS waited_ms
FROM (SELECT DISTINCT ON (pid) pid, waitstart FROM pg_locks WHERE NOT granted ORDER BY pid, waitstart) AS waiting
WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid));
