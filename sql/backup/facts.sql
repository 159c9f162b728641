-- The facts about the snapshot for a backup's manifest. The WAL position is read right after the snapshot was taken.
SELECT now()                                                                    AS made_at,
       current_database()                                                       AS database,
       current_setting('server_version')                                        AS server_version,
       CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END::text AS wal_position;
