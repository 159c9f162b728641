-- Read what tells one running server from another, and whether it is a standby.
-- Guarantees: reads only.
SELECT pg_postmaster_start_time() AS started_at, pg_is_in_recovery() AS is_standby;
