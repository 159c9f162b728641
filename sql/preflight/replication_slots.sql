-- Replication slots that are inactive or about to lose WAL, and how much WAL the server keeps for each.
-- Reads a view that every role may read. Temporary slots end with their session.
SELECT slot_name::text AS name, slot_type, active AS is_active, coalesce(wal_status, 'unknown') AS wal_status,
       coalesce(pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END,
                                restart_lsn), 0)::bigint AS retained,
       nullif(pg_size_bytes(current_setting('max_slot_wal_keep_size')), -1) AS most_bytes,
       format('SELECT pg_drop_replication_slot(%%L);', slot_name) AS fix
FROM pg_replication_slots
WHERE NOT temporary AND (NOT active OR wal_status IN ('unreserved', 'lost'))
ORDER BY retained DESC, slot_name;
