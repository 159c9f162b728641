-- Asked of a replica: whether it is one, and how far it has replayed the log, in bytes.
-- Promise: two functions that every role may call, nothing read from any table.
SELECT pg_is_in_recovery() AS is_replica, (pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::bigint AS replayed;
