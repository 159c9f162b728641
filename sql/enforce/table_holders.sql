-- Sessions with a lock on the target or one of its partitions, the longest open transaction first.
-- Reads the lock table only. Without pg_monitor a role sees who the other sessions are, but not what they run.
SELECT DISTINCT a.pid, a.usename::text AS role, a.application_name, a.xact_start,
       CASE WHEN a.xact_start IS NOT NULL THEN extract(epoch FROM clock_timestamp() - a.xact_start)::bigint END AS open_s
FROM pg_locks l
JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'relation' AND l.granted AND a.pid <> pg_backend_pid()
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND (l.relation = format('%%I.%%I', %(schema_name)s::text, %(table_name)s::text)::regclass
       OR EXISTS (SELECT 1 FROM pg_partition_tree(format('%%I.%%I', %(schema_name)s::text, %(table_name)s::text)::regclass) t
                  WHERE t.relid = l.relation))
ORDER BY a.xact_start
LIMIT 5;
