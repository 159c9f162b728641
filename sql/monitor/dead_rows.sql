-- The statistics of tables, partitions included: dead and live row versions, updates since the statistics were reset, and
-- whether autovacuum starts by itself or a vacuum is running.
-- Guarantees: reads catalogs and statistics that every role may read, and no row of the tables. Leaves out a table that does
-- not exist.
WITH named AS (
    SELECT place, to_regclass(name) AS table_oid FROM unnest(%(tables)s::text[]) WITH ORDINALITY AS t (name, place)
), parts AS (
    SELECT place, table_oid, table_oid::oid AS part FROM named WHERE table_oid IS NOT NULL
    UNION
    SELECT place, table_oid, tree.relid::oid FROM named, pg_partition_tree(table_oid) AS tree
), settings AS (
    SELECT p.place, p.table_oid, c.oid AS part, greatest(c.reltuples, 0) AS rows,
           coalesce(max(o.option_value) FILTER (WHERE o.option_name = 'autovacuum_enabled'), 'true')::boolean
               AND current_setting('autovacuum')::boolean AS has_autovacuum,
           coalesce(max(o.option_value) FILTER (WHERE o.option_name = 'autovacuum_vacuum_threshold'),
                    current_setting('autovacuum_vacuum_threshold'))::float8 AS threshold,
           coalesce(max(o.option_value) FILTER (WHERE o.option_name = 'autovacuum_vacuum_scale_factor'),
                    current_setting('autovacuum_vacuum_scale_factor'))::float8 AS scale_factor
    FROM parts p
    JOIN pg_class c ON c.oid = p.part
    LEFT JOIN pg_options_to_table(c.reloptions) AS o ON true
    GROUP BY p.place, p.table_oid, c.oid, c.reltuples
)
SELECT format('%%I.%%I', n.nspname, c.relname)              AS name,
       coalesce(sum(t.n_live_tup), 0)::bigint               AS live_rows,
       coalesce(sum(t.n_dead_tup), 0)::bigint               AS dead_rows,
       coalesce(sum(t.n_tup_upd), 0)::bigint                AS updates,
       coalesce(sum(t.n_tup_hot_upd), 0)::bigint            AS hot_updates,
       bool_and(s.has_autovacuum)                           AS has_autovacuum,
       bool_or(t.n_dead_tup > s.threshold + s.scale_factor * s.rows) IS TRUE AS is_due,
       -- The progress view hides the table from other roles, but not the process: its lock names the table.
       EXISTS (SELECT FROM pg_stat_progress_vacuum v
               JOIN pg_locks l ON l.pid = v.pid AND l.locktype = 'relation' AND l.granted
               WHERE l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                 AND l.relation = ANY (array_agg(s.part))) AS is_being_vacuumed
FROM settings s
JOIN pg_class c ON c.oid = s.table_oid
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_stat_all_tables t ON t.relid = s.part
GROUP BY s.place, n.nspname, c.relname
ORDER BY s.place;
