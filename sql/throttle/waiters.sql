-- Read which sessions wait for locks of this session, and for how long. Used just before a batch commits.
-- Guarantees: one pass over the lock table, and none if the transaction took less than `shortest_ms`; pg_blocking_pids is
-- called only for sessions that wait. Calls the function behind pg_locks, because a batch must not wait for a lock on the view.
SELECT waiting.pid, waiting.waited_ms
-- OFFSET 0 and LATERAL: the time is read first, and only once.
FROM (SELECT clock_timestamp() - now() >= %(shortest_ms)s * interval '1 ms' AS is_long OFFSET 0) AS took
CROSS JOIN LATERAL (
    SELECT DISTINCT ON (pid) pid, coalesce((extract(epoch FROM clock_timestamp() - waitstart) * 1000)::bigint, 0) AS waited_ms
    FROM pg_lock_status()
    WHERE took.is_long AND NOT granted
    ORDER BY pid, waitstart
) AS waiting
WHERE pg_backend_pid() = ANY (pg_blocking_pids(waiting.pid));
