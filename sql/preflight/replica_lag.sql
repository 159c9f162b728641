-- Replicas that are connected, and of how many this role may not see the lag.
-- Promise: reads a view that every role may read; PostgreSQL blanks its columns without pg_monitor.
SELECT count(*)                                      AS replicas,
       count(*) FILTER (WHERE state IS NULL)         AS hidden,
       format('GRANT pg_monitor TO %%I;', current_user) AS fix
FROM pg_stat_replication;
