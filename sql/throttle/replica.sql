-- Ask a server whether it is a replica, and how far it has replayed the WAL, in bytes.
-- Guarantees: calls two functions that every role may call, and reads no table.
SELECT pg_is_in_recovery() AS is_replica, (pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::bigint AS replayed;
