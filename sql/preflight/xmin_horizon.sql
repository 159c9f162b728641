-- What keeps vacuum from removing row versions that die now: snapshots of sessions, replicas with hot_standby_feedback,
-- and replication slots. The oldest of each kind first. Transactions over `long_s` are left to another check.
-- Reads views that every role may read. Without pg_monitor PostgreSQL hides the times of other roles' sessions.
SELECT 'session' AS kind, pid, coalesce(usename::text, 'unknown') AS name,
       round(extract(epoch FROM clock_timestamp() - xact_start))::bigint AS seconds,
       greatest(age(backend_xmin), age(backend_xid)) AS transactions
FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
  AND (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL)
  AND xact_start < clock_timestamp() - make_interval(secs => %(older_than_s)s)
  AND xact_start >= clock_timestamp() - make_interval(secs => %(long_s)s)
UNION ALL
SELECT 'replica', pid, application_name, NULL, age(backend_xmin)
FROM pg_stat_replication
WHERE age(backend_xmin) > %(transactions)s
UNION ALL
SELECT 'slot', active_pid, slot_name::text, NULL, age(xmin)
FROM pg_replication_slots
WHERE xmin IS NOT NULL AND (NOT active OR age(xmin) > %(transactions)s)
ORDER BY kind, transactions DESC;
