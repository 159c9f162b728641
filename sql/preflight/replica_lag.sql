-- How many replicas are connected, and for how many of them this role may not see the lag.
-- Reads a view that every role may read; without pg_monitor PostgreSQL hides its columns.
SELECT count(*)                                      AS replicas,
       count(*) FILTER (WHERE state IS NULL)         AS hidden,
       format('GRANT pg_monitor TO %%I;', current_user) AS fix
FROM pg_stat_replication;
