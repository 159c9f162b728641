-- Return how many bytes of WAL the server has ever written, by all sessions.
-- Guarantees: reads only. Fails on a standby.
SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint AS wal_bytes;
