-- How many rows were ever inserted into or updated in a table, its partitions included: PostgreSQL's own counters.
-- Promise: reads no table. The counters may lag by a second and start anew after a crash, so that only "is it the same
-- number as before" can be asked of them. NULL where the server does not count.
SELECT CASE WHEN current_setting('track_counts')::boolean
            THEN sum(pg_stat_get_tuples_inserted(relid) + pg_stat_get_tuples_updated(relid))::bigint END AS writes
FROM (SELECT to_regclass(%(table)s)::oid AS relid
      UNION
      SELECT relid::oid FROM pg_partition_tree(to_regclass(%(table)s))) AS parts;
