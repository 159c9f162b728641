-- PostgreSQL's counters of rows inserted into or updated in a table and its partitions.
-- Reads no table. The counters may lag by a second and restart from 0 after a crash, so use them only to tell whether they
-- changed. NULL if the server does not count (track_counts = off).
SELECT CASE WHEN current_setting('track_counts')::boolean
            THEN sum(pg_stat_get_tuples_inserted(relid) + pg_stat_get_tuples_updated(relid))::bigint END AS writes
FROM (SELECT to_regclass(%(table)s)::oid AS relid
      UNION
      SELECT relid::oid FROM pg_partition_tree(to_regclass(%(table)s))) AS parts;
