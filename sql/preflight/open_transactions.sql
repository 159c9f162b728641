-- Sessions of this database whose transaction has been open for long.
-- Reads a view that every role may read, and never a session's query, which may contain secrets. Without pg_monitor
-- PostgreSQL hides the times of other roles' sessions.
SELECT pid, usename::text AS role_name, coalesce(state, 'unknown') AS state,
       round(extract(epoch FROM clock_timestamp() - xact_start))::bigint AS seconds
FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
  AND xact_start < clock_timestamp() - make_interval(secs => %(older_than_s)s)
ORDER BY xact_start;
