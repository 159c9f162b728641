-- Schemas of this database with Dagster's storage, recognized by columns that only Dagster's tables have.
-- Reads the catalog only.
SELECT n.nspname::text AS schema_name
FROM pg_namespace n
WHERE EXISTS (SELECT 1 FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
              WHERE c.relnamespace = n.oid AND c.relname = 'runs' AND c.relkind = 'r' AND a.attname = 'run_body')
  AND EXISTS (SELECT 1 FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
              WHERE c.relnamespace = n.oid AND c.relname = 'event_logs' AND c.relkind = 'r' AND a.attname = 'dagster_event_type')
ORDER BY 1;
