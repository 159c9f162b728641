-- Count the rows that this session wrote to each table, as far as the server has not added them to its statistics yet. What
-- this transaction wrote is the difference of two calls in it.
-- Guarantees: reads only. Counts the rows of rolled-back savepoints too. stagenorm's own tables are left out. `is_target`:
-- the table or a part of it.
WITH RECURSIVE target AS (
    SELECT format('%%I.%%I', %(schema_name)s::text, %(table_name)s::text)::regclass::oid AS relid
    UNION
    SELECT inhrelid FROM pg_inherits JOIN target ON inhparent = relid
)
SELECT format('%%I.%%I', w.schemaname, w.relname) AS table_name, w.relid IN (SELECT relid FROM target) AS is_target,
       w.n_tup_ins AS inserted, w.n_tup_upd AS updated, w.n_tup_del AS deleted
FROM pg_stat_xact_user_tables w
WHERE w.n_tup_ins + w.n_tup_upd + w.n_tup_del > 0
  AND NOT (w.relname ~ '^stage_(migration_|normalization_log$|verifications$)'
           AND w.schemaname = (SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                               WHERE c.oid = 'stage_migration_plans'::regclass));
