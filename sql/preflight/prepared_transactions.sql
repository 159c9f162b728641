-- Old prepared transactions of this database, left without COMMIT PREPARED or ROLLBACK PREPARED.
-- Reads a view that every role may read.
SELECT gid, owner::text AS owner, round(extract(epoch FROM clock_timestamp() - prepared))::bigint AS seconds,
       format('ROLLBACK PREPARED %%L;', gid) AS fix
FROM pg_prepared_xacts
WHERE database = current_database() AND prepared < clock_timestamp() - make_interval(secs => %(older_than_s)s)
ORDER BY prepared;
