-- Read everything that the throttlers need in one statement: replicas, vacuums, sessions that wait for locks, WAL,
-- checkpoints, replication slots, whether there is an archiver.
-- Guarantees: reads views that every role may read, takes no lock on any user table, returns one row. Without pg_monitor
-- the columns of other roles' sessions are blank, but pg_locks is not: vacuums and waiters are found through it.
WITH locks AS MATERIALIZED (
    SELECT l.locktype, l.database, l.relation, l.classid, l.objsubid, l.mode, l.granted, l.pid, l.waitstart
    FROM pg_locks l
    WHERE NOT l.granted OR l.locktype = 'advisory'
       OR (l.locktype = 'relation' AND l.mode = 'ShareUpdateExclusiveLock')
), here AS (
    SELECT oid FROM pg_database WHERE datname = current_database()
), ours AS (
    -- The sessions of running batches, found by their advisory locks, whatever their role is.
    SELECT pid FROM locks, here
    WHERE locktype = 'advisory' AND granted AND classid::bigint = %(lock_class)s AND objsubid = 2 AND database = here.oid
), waiting AS MATERIALIZED (
    SELECT w.pid, w.waited_ms,
           EXISTS (SELECT FROM ours)
             AND EXISTS (SELECT FROM unnest(pg_blocking_pids(w.pid)) AS b (pid) JOIN ours USING (pid)) AS is_behind_us,
           w.relation
    FROM (SELECT l.pid, (extract(epoch FROM clock_timestamp() - l.waitstart) * 1000)::bigint AS waited_ms,
                 CASE WHEN l.locktype = 'relation' AND l.database = here.oid THEN l.relation END AS relation
          FROM locks l, here
          WHERE NOT l.granted AND l.pid NOT IN (SELECT pid FROM ours)) AS w
)
SELECT (pg_current_wal_lsn() - '0/0'::pg_lsn)::bigint AS written,
       {checkpoints_requested}::bigint AS checkpoints_requested,
       pg_size_bytes(current_setting('max_wal_size')) AS max_wal_bytes,
       pg_backend_pid() AS backend_pid,
       current_setting('archive_mode') <> 'off' AS archives,
       has_function_privilege('pg_ls_archive_statusdir()', 'EXECUTE') AS may_see_archive,
       -- A slot that lost its WAL retains nothing.
       (SELECT coalesce(jsonb_agg(jsonb_build_object('name', s.slot_name, 'is_active', s.active,
                                                     'wal_status', s.wal_status,
                                                     'retained', (pg_current_wal_lsn() - s.restart_lsn)::bigint)), '[]')
        FROM pg_replication_slots s
        WHERE s.restart_lsn IS NOT NULL AND s.wal_status IS DISTINCT FROM 'lost') AS slots,
       -- Without logical subscribers, which acknowledge at any time they like, and without backups, which replay nothing.
       (SELECT coalesce(jsonb_agg(jsonb_build_object('name', r.application_name,
                                                     'replayed', (r.replay_lsn - '0/0'::pg_lsn)::bigint,
                                                     'lag_s', extract(epoch FROM r.replay_lag)::float8)), '[]')
        FROM pg_stat_replication r
        LEFT JOIN pg_replication_slots s ON s.active_pid = r.pid
        WHERE s.slot_type IS DISTINCT FROM 'logical' AND (r.state IS NULL OR r.replay_lsn IS NOT NULL)) AS replicas,
       -- The progress view hides the table from other roles, but not the process: its lock names the table. An autovacuum
       -- worker has no user.
       (SELECT coalesce(jsonb_agg(jsonb_build_object('table', n.nspname || '.' || c.relname, 'pid', v.pid,
                                                     'is_auto', a.usesysid IS NULL)), '[]')
        FROM pg_stat_progress_vacuum v
        JOIN locks l ON l.pid = v.pid AND l.locktype = 'relation' AND l.granted
        JOIN here ON here.oid = l.database
        JOIN pg_class c ON c.oid = coalesce(pg_partition_root(l.relation), l.relation)
        JOIN pg_namespace n ON n.oid = c.relnamespace
        LEFT JOIN pg_stat_activity a ON a.pid = v.pid) AS vacuums,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('pid', w.pid, 'waited_ms', coalesce(w.waited_ms, 0),
                                                     'is_behind_us', w.is_behind_us,
                                                     'table', n.nspname || '.' || c.relname)), '[]')
        FROM waiting w
        LEFT JOIN pg_class c ON c.oid = coalesce(pg_partition_root(w.relation), w.relation)
        LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE w.is_behind_us OR w.relation IS NOT NULL) AS waiters;
